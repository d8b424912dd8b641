//! `AuthZEN` (`OpenID` Authorization API 1.0): `/access/v1/evaluation`, `/access/v1/evaluations`. Answered from memory.
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use imp_api::connection::{
    Action, DecisionContext, Entity, Evaluated, Evaluation, EvaluationDecision, Evaluations,
    MOST_EVALUATIONS, PartialEvaluation,
};
use imp_connection::{Asked, Protocol};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::connections::Snapshot;
use crate::http::caller::PolicyReader;
use crate::http::{Json, ProblemResponse, problem};

/// What relates an answer to its question (§10.1.3).
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What is asked about: machines by their SPIFFE IDs.
const MACHINE: &str = "machine";
/// What is asked: whether one may connect to the other.
const CONNECT: &str = "connect";

/// Without a list of questions there is one, and it is answered as such (§7.1).
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answered {
    /// In the order of the questions.
    Several(Evaluated),
    /// To the one question.
    One(EvaluationDecision),
}

/// Whether a connection is expected, for machines and applications that enforce it.
#[utoipa::path(
    post, path = "/access/v1/evaluation", tag = "connections", operation_id = "evaluate_access",
    request_body = Evaluation, security(("machine" = []), ("client" = [])),
    responses((status = 200, description = "the decision", body = EvaluationDecision))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn evaluate(
    State(app): State<App>,
    headers: HeaderMap,
    Json(asked): Json<Evaluation>,
) -> (HeaderMap, Json<EvaluationDecision>) {
    (related(&headers), Json(answer(&app.connections.snapshot(), &asked, app.now())))
}

/// Several questions at once.
#[utoipa::path(
    post, path = "/access/v1/evaluations", tag = "connections", operation_id = "evaluate_accesses",
    request_body = Evaluations, security(("machine" = []), ("client" = [])),
    responses(
        (status = 200, description = "the decisions, in the order of the questions; without a list, the one decision", body = Evaluated),
        (status = 400, description = "too many, or incomplete", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn evaluate_all(
    State(app): State<App>,
    headers: HeaderMap,
    Json(asked): Json<Evaluations>,
) -> Result<(HeaderMap, Json<Answered>), ProblemResponse> {
    let last = last(asked.options.as_ref())?;
    let snapshot = app.connections.snapshot();
    let is_one = asked.evaluations.is_empty();
    let mut evaluations = vec![];
    for question in questions(asked)? {
        let decided = answer(&snapshot, &question, app.now());
        let is_last = last == Some(decided.decision);
        evaluations.push(decided);
        if is_last {
            break;
        }
    }
    let answered = match evaluations.pop() {
        Some(one) if is_one => Answered::One(one),
        last => {
            evaluations.extend(last);
            Answered::Several(Evaluated { evaluations })
        }
    };
    Ok((related(&headers), Json(answered)))
}

/// The same question for people who look after the policy.
#[utoipa::path(
    post, path = "/v1/connections/check", tag = "connections", operation_id = "check_connection",
    request_body = Evaluation, security(("person" = [])),
    responses((status = 200, description = "the decision", body = EvaluationDecision))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn check(
    State(app): State<App>,
    _: PolicyReader,
    Json(asked): Json<Evaluation>,
) -> Json<EvaluationDecision> {
    Json(answer(&app.connections.snapshot(), &asked, app.now()))
}

/// What this decision point can do (§9.1).
#[utoipa::path(
    get, path = "/.well-known/authzen-configuration", tag = "connections", operation_id = "authzen_configuration",
    responses((status = 200, description = "the metadata of the policy decision point", body = Value))
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn configuration(State(app): State<App>) -> Json<Value> {
    let issuer = &app.issuer;
    Json(json!({
        "policy_decision_point": issuer.as_ref(),
        "access_evaluation_endpoint": format!("{issuer}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{issuer}/access/v1/evaluations"),
    }))
}

/// The answer is related to its question in the same way.
fn related(headers: &HeaderMap) -> HeaderMap {
    let id = headers.get(REQUEST_ID).filter(|id| id.len() <= 256);
    id.map(|id| (REQUEST_ID, id.clone())).into_iter().collect()
}

/// The answer after which no more questions are answered (§7.1.2.1).
fn last(options: Option<&Map<String, Value>>) -> Result<Option<bool>, ProblemResponse> {
    match options.and_then(|options| options.get("evaluations_semantic")).map(Value::as_str) {
        None | Some(Some("execute_all")) => Ok(None),
        Some(Some("deny_on_first_deny")) => Ok(Some(false)),
        Some(Some("permit_on_first_permit")) => Ok(Some(true)),
        Some(_) => Err(problem::EVALUATION_INVALID.says("The semantic is not one of AuthZEN's.")),
    }
}

/// Each question with the defaults.
fn questions(asked: Evaluations) -> Result<Vec<Evaluation>, ProblemResponse> {
    let Evaluations { subject, resource, action, context, mut evaluations, .. } = asked;
    if evaluations.len() > MOST_EVALUATIONS {
        let problem = problem::EVALUATION_INVALID.says("These are too many questions.");
        return Err(
            problem.with_detail(format!("at most {MOST_EVALUATIONS} are answered at a time"))
        );
    }
    if evaluations.is_empty() {
        evaluations.push(PartialEvaluation::default());
    }
    let missing =
        || problem::EVALUATION_INVALID.says("A question has no subject, resource or action.");
    let complete = |own: PartialEvaluation| {
        Ok(Evaluation {
            subject: own.subject.or_else(|| subject.clone()).ok_or_else(missing)?,
            resource: own.resource.or_else(|| resource.clone()).ok_or_else(missing)?,
            action: own.action.or_else(|| action.clone()).ok_or_else(missing)?,
            context: own.context.or_else(|| context.clone()),
        })
    };
    evaluations.into_iter().map(complete).collect()
}

/// Decides. What is no question about a connection is denied: nothing else is decided here.
pub(crate) fn answer(
    snapshot: &Snapshot,
    Evaluation { subject, resource, action, context }: &Evaluation,
    now: Timestamp,
) -> EvaluationDecision {
    let policy_version = snapshot.policy.version();
    let denied = |reason: &str, explanation: &str| EvaluationDecision {
        decision: false,
        context: DecisionContext {
            reason: reason.to_owned(),
            explanation: explanation.to_owned(),
            rule: None,
            policy_version,
        },
    };
    let (protocol, port, at) = match connection(action, context.as_ref(), now) {
        Ok(connection) => connection,
        Err(explanation) => return denied("not-a-connection", explanation),
    };
    if [subject, resource].iter().any(|entity| entity.kind != MACHINE) {
        return denied("not-a-connection", "subject and resource must be of the type `machine`");
    }
    let named = |entity: &Entity| entity.id.parse();
    let (Ok(from), Ok(to)) = (named(subject), named(resource)) else {
        return denied("unknown-machine", "a machine is named by its SPIFFE ID");
    };
    let decision = snapshot.decide(&Asked { from: &from, to: &to, protocol, port, at });
    EvaluationDecision {
        decision: decision.is_expected(),
        context: DecisionContext {
            reason: decision.word().to_owned(),
            explanation: decision.to_string(),
            rule: decision.rule().map(ToString::to_string),
            policy_version,
        },
    }
}

/// What an action and a context say of a connection.
fn connection(
    action: &Action,
    context: Option<&Map<String, Value>>,
    now: Timestamp,
) -> Result<(Protocol, u16, Timestamp), &'static str> {
    if action.name != CONNECT {
        return Err("the only action is `connect`");
    }
    let property = |name: &str| action.properties.as_ref().and_then(|all| all.get(name));
    let protocol = match property("protocol") {
        None => Protocol::Tcp,
        Some(Value::String(text)) => text.parse().map_err(|_| "`protocol` is `tcp` or `udp`")?,
        Some(_) => return Err("`protocol` is `tcp` or `udp`"),
    };
    let port = property("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let port = port.filter(|port| *port != 0).ok_or("`port` is a number from 1 to 65535")?;
    let at = match context.and_then(|context| context.get("time")) {
        None => now,
        Some(Value::String(text)) => {
            text.parse().map_err(|_| "`time` is an instant of RFC 3339")?
        }
        Some(_) => return Err("`time` is an instant of RFC 3339"),
    };
    Ok((protocol, port, at))
}

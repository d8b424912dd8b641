//! The connection policy: the matrix, what enforcement points are given and what they report, and `AuthZEN`'s questions.
use imp_identity::connection::{MachineRefusal, MessageRefusal};
use imp_identity::name::Remark;
use imp_identity::spiffe::SpiffeId;
use imp_identity::{Actor, ConnectionProposalId, Digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

/// Most observations of one [`Observed`].
pub const MOST_OBSERVATIONS: usize = 500;
/// Most refusals of one [`Refused`].
pub const MOST_REFUSALS: usize = 200;
/// Most questions of one [`Evaluations`].
pub const MOST_EVALUATIONS: usize = 500;

/// A line of the matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Names it: 1 to 64 lower-case letters, digits, `.`, `_`, `-`. Without one it is named after what it allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Who connects: `class:…`, `unit:…`, `zone:…`, some of them in this order with ` & ` between, or a SPIFFE ID.
    pub from: String,
    /// To whom, said in the same way.
    pub to: String,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// A port, a range such as `104-106`, or `*`.
    pub ports: String,
    /// What for: 1 to 200 characters.
    pub purpose: String,
    /// First instant at which it is expected no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
}

/// `GET /v1/connections/rules`: a version of the matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionPolicy {
    /// Which; 0 before anybody said one.
    pub version: u32,
    /// SHA-256 of the canonical document, as in the log.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// The rules, by their names.
    pub rules: Vec<Rule>,
    /// Who put it in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub changed_by: Option<Actor>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub changed_at: Option<Timestamp>,
}

/// `PUT /v1/connections/rules` by an administrator: puts other rules in force. Answers 200 [`ConnectionPolicy`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetConnectionPolicy {
    /// The version that was edited; 409 when another one is in force by now.
    pub version: u32,
    /// All rules.
    pub rules: Vec<Rule>,
}

/// `POST /v1/connections/dry-run`: rules that are to be held against what was seen. Answers 200 [`DryRun`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TryConnectionPolicy {
    /// All rules.
    pub rules: Vec<Rule>,
}

/// What a policy would say of the connections that were seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DryRun {
    /// How many kinds of connections were seen.
    pub observations: u64,
    /// How many of them it would expect.
    pub expected: u64,
    /// What is expected now and would be no longer; at most 1000.
    pub would_break: Vec<Judged>,
    /// What is not expected now and would be; at most 1000.
    pub would_open: Vec<Judged>,
    /// The rules by which nothing that was seen is expected.
    pub unused: Vec<String>,
}

/// Connections that were seen, and what a policy says of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Judged {
    /// What was seen.
    pub observation: Observation,
    /// Why: a sentence.
    pub reason: String,
}

/// Connections of one kind between two machines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// Who connected, or tried to.
    #[schema(value_type = String)]
    pub from: SpiffeId,
    /// To whom.
    #[schema(value_type = String)]
    pub to: SpiffeId,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The port of whom it was connected to.
    pub port: u16,
    /// `expected`, `refused`, or `let-through` where a route fails open.
    pub outcome: String,
    /// How many.
    pub count: u64,
    /// The first.
    #[schema(value_type = String, format = DateTime)]
    pub first: Timestamp,
    /// The last.
    #[schema(value_type = String, format = DateTime)]
    pub last: Timestamp,
}

/// `POST /v1/connections/observations` by a machine: what it saw since its last report, at most [`MOST_OBSERVATIONS`]. Answers
/// 204, also when the report is known already.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// Names the report: one that is sent again does nothing.
    pub report: Uuid,
    /// What was seen.
    pub observations: Vec<Observation>,
}

/// `POST /v1/refusals` by a machine: whom and what it refused, at most [`MOST_REFUSALS`]. Answers 204, also when the report is
/// known already.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Names the report: one that is sent again does nothing.
    pub report: Uuid,
    /// What was refused.
    pub refusals: Vec<RefusalReport>,
}

/// Something that a machine refused. Each kind has its own event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RefusalReport {
    /// A connection that no rule expects.
    Connection {
        /// Who connected, or tried to.
        #[schema(value_type = String)]
        from: SpiffeId,
        /// To whom.
        #[schema(value_type = String)]
        to: SpiffeId,
        /// `tcp` or `udp`.
        protocol: String,
        /// The port of whom it was connected to.
        port: u16,
        /// Why, as the policy says it: `no-rule`, `rule-expired`, `wrong-port`, …
        reason: String,
        /// Whether it was let through all the same, because the route fails open.
        #[serde(default)]
        let_through: bool,
        /// When.
        #[schema(value_type = String, format = DateTime)]
        at: Timestamp,
    },
    /// A machine that is not trusted.
    Machine {
        /// What it says that it is, or its address: 1 to 512 printable characters.
        peer: String,
        /// Why.
        #[schema(value_type = String)]
        reason: MachineRefusal,
        /// When.
        #[schema(value_type = String, format = DateTime)]
        at: Timestamp,
    },
    /// A message that is not authentic.
    Message {
        /// Whom it is said to come from: 1 to 512 printable characters.
        sender: String,
        /// Why.
        #[schema(value_type = String)]
        reason: MessageRefusal,
        /// When.
        #[schema(value_type = String, format = DateTime)]
        at: Timestamp,
    },
}

/// `POST /v1/connections/proposals`: asks for rules that would expect what was seen. Answers 201 [`Proposal`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposeRules {
    /// Only what was seen at least so often; once, unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<u64>,
    /// Only what was seen since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// When the rules are to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
}

/// Rules that were learned from what was seen. Nothing is in force until somebody else approves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Proposal {
    /// Names it.
    #[schema(value_type = Uuid)]
    pub id: ConnectionProposalId,
    /// The version of the policy that lacks the rules.
    pub base: u32,
    /// The rules, with what speaks for each.
    pub rules: Vec<ProposedRule>,
    /// How many kinds of connections were seen for which no rule is proposed: machines that are unknown, or too rare.
    pub left_out: u64,
    /// Who asked for it.
    #[schema(value_type = Object)]
    pub proposed_by: Actor,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub proposed_at: Timestamp,
    /// `open`, `approved` or `rejected`.
    pub state: String,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub decided_by: Option<Actor>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
    /// The version of the policy that has the rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// A rule with what speaks for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProposedRule {
    /// The rule.
    pub rule: Rule,
    /// How many connections were seen that it would expect.
    pub connections: u64,
    /// From how many machines.
    pub from_machines: u64,
    /// To how many machines.
    pub to_machines: u64,
    /// The first.
    #[schema(value_type = String, format = DateTime)]
    pub first: Timestamp,
    /// The last.
    #[schema(value_type = String, format = DateTime)]
    pub last: Timestamp,
}

/// `GET /v1/connections/proposals`: the latest first; at most 100.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Proposals {
    /// The proposals.
    pub proposals: Vec<Proposal>,
}

/// `POST /v1/connections/proposals/{proposal}/rejection`. Answers 200 [`Proposal`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectProposal {
    /// Why not.
    #[schema(value_type = String)]
    pub reason: Remark,
}

/// `POST /access/v1/evaluation`: a question of `AuthZEN` (Authorization API 1.0 §6.1). Members that it does not know are skipped,
/// as that specification wants.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Evaluation {
    /// Who connects: `type` is `machine`, `id` its SPIFFE ID.
    pub subject: Entity,
    /// To whom: `type` is `machine`, `id` its SPIFFE ID.
    pub resource: Entity,
    /// `name` is `connect`; its properties `protocol` (`tcp` unless said otherwise) and `port`.
    pub action: Action,
    /// `time`, an instant of RFC 3339; now, unless said otherwise.
    #[serde(default)]
    pub context: Option<Map<String, Value>>,
}

/// `POST /access/v1/evaluations`: several questions (§7.1). What a question does not say, the defaults beside it say. Answers 200
/// [`Evaluated`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Evaluations {
    /// Who connects, unless a question says otherwise.
    #[serde(default)]
    pub subject: Option<Entity>,
    /// To whom, unless a question says otherwise.
    #[serde(default)]
    pub resource: Option<Entity>,
    /// How, unless a question says otherwise.
    #[serde(default)]
    pub action: Option<Action>,
    /// The context, unless a question says otherwise.
    #[serde(default)]
    pub context: Option<Map<String, Value>>,
    /// The questions, at most [`MOST_EVALUATIONS`]. Without any, the defaults are the one question.
    #[serde(default)]
    pub evaluations: Vec<PartialEvaluation>,
    /// `evaluations_semantic`: `execute_all`, `deny_on_first_deny` or `permit_on_first_permit` (§7.1.2.1).
    #[serde(default)]
    pub options: Option<Map<String, Value>>,
}

/// One of several questions.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct PartialEvaluation {
    /// Who connects.
    #[serde(default)]
    pub subject: Option<Entity>,
    /// To whom.
    #[serde(default)]
    pub resource: Option<Entity>,
    /// How.
    #[serde(default)]
    pub action: Option<Action>,
    /// The context.
    #[serde(default)]
    pub context: Option<Map<String, Value>>,
}

/// A subject or a resource (§5.1, §5.2).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Entity {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// Names it.
    pub id: String,
    /// What else is said of it; nothing of that is believed here.
    #[serde(default)]
    pub properties: Option<Map<String, Value>>,
}

/// An action (§5.3).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Action {
    /// Which.
    pub name: String,
    /// How.
    #[serde(default)]
    pub properties: Option<Map<String, Value>>,
}

/// The answer to a question (§6.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvaluationDecision {
    /// Whether the connection is expected.
    pub decision: bool,
    /// Why.
    pub context: DecisionContext,
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecisionContext {
    /// A stable word: `expected`, `no-rule`, `rule-expired`, `wrong-port`, `wrong-protocol`, `wrong-direction`,
    /// `unknown-machine`, or `not-a-connection` for a question about something else.
    pub reason: String,
    /// A sentence.
    pub explanation: String,
    /// The rule that expects it, or that came nearest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The version of the policy that decided.
    pub policy_version: u32,
}

/// The answers to several questions, in their order (§7.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Evaluated {
    /// The answers; fewer than the questions when the first refusal, or the first permission, ends it.
    pub evaluations: Vec<EvaluationDecision>,
}

/// `GET /v1/connections/differences?from=…&to=…`: what changed from one version to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// The one version.
    pub from: u32,
    /// The other.
    pub to: u32,
    /// Rules that only the other one has.
    pub added: Vec<Rule>,
    /// Rules that only the one has.
    pub removed: Vec<Rule>,
    /// Rules of one name that say something else.
    pub changed: Vec<RuleChange>,
}

/// A rule before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleChange {
    /// In the one version.
    pub before: Rule,
    /// In the other.
    pub after: Rule,
}

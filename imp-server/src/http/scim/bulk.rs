//! `POST /scim/v2/Bulk` (RFC 7644 §3.7): many changes, each a transaction of its own.
use axum::extract::State;
use imp_identity::Actor;
use imp_scim::ScimError;
use imp_scim::bulk::{Bulk, BulkMethod, BulkOperation, BulkOutcome, Created, bulk_response};
use imp_scim::etag;
use serde_json::Value;

use super::answer::{Answer, Refused, location};
use super::body::Body;
use super::client::ScimClient;
use super::kind::Kind;
use super::{OPERATIONS, rules};
use crate::app::App;
use crate::command::scim::{ProvisionError, Shown};
use crate::http::{ProblemResponse, problem};

/// Makes many changes.
#[utoipa::path(
    post, path = "/scim/v2/Bulk", tag = "scim", operation_id = "scim_bulk",
    security(("client" = [])), request_body(content = Value, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "what came of each", body = Value, content_type = "application/scim+json"),
        (status = 400, description = "not a bulk request", body = Value, content_type = "application/scim+json"),
        (status = 413, description = "too many operations, or too large", body = Value, content_type = "application/scim+json"),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn bulk(
    State(app): State<App>,
    ScimClient(actor): ScimClient,
    Body(body): Body,
) -> Result<Answer, Refused> {
    let bulk = Bulk::read(&body, OPERATIONS)?;
    let mut created = Created::new();
    let mut errors = 0;
    let mut answers: Vec<Option<Value>> = vec![None; bulk.operations.len()];
    for at in bulk.order() {
        if bulk.fail_on_errors.is_some_and(|most| errors >= most) {
            break;
        }
        let operation = &bulk.operations[at];
        let outcome = match operation.resolved(&created) {
            Ok(resolved) => execute(&app, &actor, &resolved).await,
            Err(error) => Err(error),
        };
        let outcome = outcome.unwrap_or_else(|error| {
            errors += 1;
            let location = operation.id.as_ref().map(|id| address(&app, &operation.endpoint, id));
            BulkOutcome { status: error.status, location, version: None, error: Some(error) }
        });
        if let (201, Some(name), Some(location)) =
            (outcome.status, &operation.bulk_id, &outcome.location)
        {
            let id = location.rsplit('/').next().unwrap_or_default();
            created.insert(name.clone(), id.to_owned());
        }
        answers[at] = Some(operation.answer(&outcome));
    }
    let answers: Vec<_> = answers.into_iter().flatten().collect();
    Ok(Answer::document(bulk_response(&answers)))
}

fn address(app: &App, endpoint: &str, id: &str) -> String {
    format!("{}{endpoint}/{id}", rules(app).base)
}

async fn execute(
    app: &App,
    actor: &Actor,
    operation: &BulkOperation,
) -> Result<BulkOutcome, ScimError> {
    let BulkOperation { method, version, endpoint, data, .. } = operation;
    let id = operation.id.as_deref().unwrap_or_default();
    let if_match = version.clone();
    let Some(kind) = Kind::at(endpoint) else {
        return Err(ScimError::not_found("such type of resources"));
    };
    let done = match method {
        BulkMethod::Post => kind.create(app, actor, data).await.map(Some),
        BulkMethod::Put => kind.replace(app, actor, id, if_match, data).await.map(Some),
        BulkMethod::Patch => kind.patch(app, actor, id, if_match, data).await.map(Some),
        BulkMethod::Delete => kind.remove(app, actor, id, version.as_deref()).await.map(|()| None),
    };
    match done {
        Ok(Some(shown)) => Ok(changed(*method, &shown)),
        Ok(None) => {
            let location = Some(address(app, endpoint, id));
            Ok(BulkOutcome { status: 204, location, version: None, error: None })
        }
        Err(error) => Err(told(error)),
    }
}

fn changed(method: BulkMethod, shown: &Shown) -> BulkOutcome {
    BulkOutcome {
        status: if method == BulkMethod::Post { 201 } else { 200 },
        location: location(shown),
        version: Some(etag::tag(shown.version)),
        error: None,
    }
}

fn told(error: ProvisionError) -> ScimError {
    match error {
        ProvisionError::Refused(error) => error,
        ProvisionError::Storage(ref source) => {
            let ProblemResponse(problem) = problem::storage(&error, source);
            ScimError::new(problem.status, problem.title)
        }
    }
}

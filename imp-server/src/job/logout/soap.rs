//! Logout requests to applications that speak SAML.
use imp_delivery::Endpoint;
use imp_events::ConsumeError;
use imp_saml::{AnswerRefused, NameId, SignedOut, read_answer};
use imp_storage::StorageError;

use super::{Sent, judge};
use crate::app::{self, App};
use crate::command::{self, Told};
use crate::store::Logout;

/// Tells one application. Its answer is believed because of its certificate: it says no more than that it knows.
pub(super) async fn send(app: &App, logout: &Logout) -> Result<Sent, StorageError> {
    let found = command::service_provider(&app.storage, logout.client).await?;
    let Some((provider, format)) = found.map(|found| found.provider).zip(logout.known.format)
    else {
        return Ok(Sent::Settled(Told::No));
    };
    let address = provider.soap_logout.as_deref();
    let Some((address, endpoint)) = address.and_then(|text| Some((text, text.parse().ok()?)))
    else {
        return Ok(Sent::Settled(Told::No));
    };
    let endpoint: Endpoint = endpoint;
    let name_id = NameId { format, value: logout.known.subject.clone() };
    let whom = SignedOut {
        application: &provider.entity_id,
        destination: address,
        name_id: &name_id,
        session_index: &logout.known.session,
    };
    let (now, mut rng) = (app.now(), app::rng());
    let question = match app.saml.provider(now, &mut rng) {
        Ok(ours) => ours.sign_out_by_soap(&whom, now, &mut rng),
        Err(error) => {
            let error = &error as &(dyn std::error::Error + 'static);
            tracing::error!(client = %logout.client, error, "an application cannot be told of a logout");
            return Ok(Sent::Again);
        }
    };
    let Ok(question) = question else { return Ok(Sent::Again) };
    let applications = &app.oauth.outside.applications;
    let answer = applications.send_envelope(&endpoint, question.text, now).await;
    let told = answer.and_then(|body| read_answer(&body, &question.id).map_err(refused));
    Ok(judge(logout.client, told))
}

/// What is no answer at all may become one; what the application decided stays.
fn refused(error: AnswerRefused) -> ConsumeError {
    match error {
        AnswerRefused::Status(_) => ConsumeError::poison(0, error),
        AnswerRefused::Xml(_) | AnswerRefused::Other => ConsumeError::retry(error),
    }
}

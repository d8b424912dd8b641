//! `POST /v1/certificates/renewal`
use axum::extract::State;
use imp_api::machine::{Credentials, RenewCertificate};
use imp_identity::spiffe::Machine;

use super::credentials;
use crate::app::App;
use crate::http::caller::MachinePeer;
use crate::http::{Json, ProblemResponse, problem};

/// Renews the certificate of a machine. The key stays: it is what the machine enrolled with.
#[utoipa::path(
    post, path = "/v1/certificates/renewal", tag = "machines", operation_id = "renew_certificate",
    request_body = RenewCertificate, security(("machine" = [])),
    responses(
        (status = 200, description = "the new certificate", body = Credentials),
        (status = 403, description = "not a machine, or for another key", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(machine = %machine.spiffe_id))]
pub(crate) async fn renew(
    State(app): State<App>,
    machine: MachinePeer,
    Json(RenewCertificate { certificate_request }): Json<RenewCertificate>,
) -> Result<Json<Credentials>, ProblemResponse> {
    if let Machine::Device(_) = machine.spiffe_id.machine {
        let title = "Devices renew their certificates at /v1/devices/renewal.";
        return Err(problem::MACHINE_WRONG.says(title));
    }
    let key = credentials::requested_key(&certificate_request.0)?;
    if key.as_spki() != machine.public_key {
        let title = "A certificate is renewed for the same key only.";
        return Err(problem::MACHINE_OTHER_KEY.says(title));
    }
    let issued = credentials::issue(&app, machine.actor(), machine.spiffe_id.machine, &key).await?;
    Ok(Json(issued))
}

//! `POST /sign-in/phone/begin` and `/poll` for the page, `GET` and `POST /v1/phone-sign-ins/{id}` for the phone
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use imp_api::phone_sign_in::{AnswerPhoneSignIn, PhoneSignIn, SignInUri};
use imp_identity::InteractionId;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer;
use super::cookie::{self, BrowserSignOn};
use super::origin::OwnPage;
use crate::app::{self, App};
use crate::command::{self, AnswerPhoneError, Browser, PhoneAsked};
use crate::http::caller::PhonePeer;
use crate::http::{Json, Path, ProblemResponse, problem};

/// Which sign-in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Waiting {
    #[schema(value_type = Uuid)]
    interaction: InteractionId,
}

/// What the page shows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Awaited {
    /// In a picture, SVG.
    qr: String,
    /// The same in letters, for phones without a camera.
    text: String,
    /// The phone asks for it.
    number: u8,
}

/// Whether the phone has answered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Polled {
    /// Where the page goes on; absent while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Asks for a phone, whosever it is.
#[utoipa::path(
    post, path = "/sign-in/phone/begin", tag = "pages", operation_id = "await_phone",
    request_body = Waiting,
    responses(
        (status = 200, description = "what the page shows", body = Awaited),
        (status = 403, description = "not allowed, or not asked by a page of ours", body = imp_api::Problem),
        (status = 404, description = "the sign-in is over", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn begin(
    State(app): State<App>,
    _own: OwnPage,
    headers: HeaderMap,
    Json(Waiting { interaction }): Json<Waiting>,
) -> Result<Json<Awaited>, ProblemResponse> {
    let browser =
        Browser { interaction, binding: cookie::binding(&headers, interaction), before: None };
    let mut rng = app::rng();
    let awaited = command::await_phone(&mut app.context(&mut rng), browser).await?;
    let text = SignInUri(awaited.id).to_string();
    let code = QrCode::with_error_correction_level(&text, EcLevel::M);
    let code = code.map_err(|error| problem::internal(&error))?;
    let qr = code.render::<svg::Color<'_>>().min_dimensions(256, 256).build();
    Ok(Json(Awaited { qr, text, number: awaited.number }))
}

/// Signs the browser on once a phone has answered.
#[utoipa::path(
    post, path = "/sign-in/phone/poll", tag = "pages", operation_id = "redeem_phone",
    request_body = Waiting,
    responses(
        (status = 200, description = "it waits, or is signed on", body = Polled),
        (status = 403, description = "refused, or too late", body = imp_api::Problem),
        (status = 404, description = "the sign-in is over", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn poll(
    State(app): State<App>,
    _own: OwnPage,
    BrowserSignOn(before): BrowserSignOn,
    headers: HeaderMap,
    Json(Waiting { interaction }): Json<Waiting>,
) -> Result<Response, ProblemResponse> {
    let browser = Browser {
        interaction,
        binding: cookie::binding(&headers, interaction),
        before: before.map(|(sign_on, _)| sign_on.id),
    };
    let mut rng = app::rng();
    match command::redeem_phone(&mut app.context(&mut rng), browser).await? {
        Some(signed) => Ok(answer::signed_on(interaction, &signed)),
        None => Ok(Json(Polled { next: None }).into_response()),
    }
}

/// What a browser that waits for a phone wants.
#[utoipa::path(
    get, path = "/v1/phone-sign-ins/{id}", tag = "self", operation_id = "phone_sign_in",
    params(("id" = Uuid, Path, description = "from the page's code")), security(("machine" = [])),
    responses(
        (status = 200, description = "what to show to the owner", body = PhoneSignIn),
        (status = 404, description = "no browser waits (any more)", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(phone.id = %phone.id))]
pub(crate) async fn show(
    State(app): State<App>,
    PhonePeer(phone): PhonePeer,
    Path(id): Path<Uuid>,
) -> Result<Json<PhoneSignIn>, ProblemResponse> {
    let mut rng = app::rng();
    let asked = command::phone_question(&app.context(&mut rng), id).await;
    let asked = asked.map_err(problem::unread)?;
    let PhoneAsked { application, numbers, nonce, expires_at } =
        asked.ok_or_else(|| problem::NOT_FOUND.because(&AnswerPhoneError::Unknown))?;
    Ok(Json(PhoneSignIn {
        origin: app.issuer.to_string(),
        application,
        numbers: numbers.to_vec(),
        nonce: nonce.to_vec().into(),
        expires_at,
    }))
}

/// A phone's owner agrees, by the number that the page shows, or does not.
#[utoipa::path(
    post, path = "/v1/phone-sign-ins/{id}", tag = "self", operation_id = "answer_phone_sign_in",
    params(("id" = Uuid, Path, description = "from the page's code")), security(("machine" = [])),
    request_body = AnswerPhoneSignIn,
    responses(
        (status = 204, description = "taken"),
        (status = 403, description = "refused", body = imp_api::Problem),
        (status = 404, description = "no browser waits (any more)", body = imp_api::Problem),
        (status = 422, description = "the statement does not count", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all, fields(phone.id = %phone.id))]
pub(crate) async fn answer(
    State(app): State<App>,
    PhonePeer(phone): PhonePeer,
    Path(id): Path<Uuid>,
    Json(AnswerPhoneSignIn { statement }): Json<AnswerPhoneSignIn>,
) -> Result<StatusCode, ProblemResponse> {
    let statement = statement.as_ref().map(|statement| statement.0.as_slice());
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::answer_phone(context, &phone, id, &app.issuer, statement).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<AnswerPhoneError> for ProblemResponse {
    fn from(error: AnswerPhoneError) -> Self {
        match &error {
            AnswerPhoneError::Unknown => problem::NOT_FOUND.because(&error),
            AnswerPhoneError::Statement => problem::STATEMENT_INVALID.because(&error),
            AnswerPhoneError::Number | AnswerPhoneError::NotAllowed => {
                problem::SIGN_ON_REFUSED.because(&error)
            }
            AnswerPhoneError::Storage(source) => problem::storage(&error, source),
        }
    }
}

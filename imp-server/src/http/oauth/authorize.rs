//! `GET` and `POST /oauth/authorize`: an application asks who is there.
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::Response;
use imp_identity::name::Username;
use imp_identity::sign_on::{Requirements, SignOn, meets};
use imp_identity::user::User;
use imp_identity::{Actor, InteractionId, Secret};
use imp_oauth::authorize::{
    AuthorizationRequest, AuthorizationResponse, Refusal, client_id, validate,
};
use imp_oauth::client::{Consent, Metadata};
use imp_oauth::scope::OFFLINE_ACCESS;
use imp_oauth::token::CodeBinding;
use imp_oauth::tokens::verify_hint;
use imp_oauth::{ErrorCode, Form, OAuthError, Scope, acr, par};
use jiff::SignedDuration;

use super::body::{FormBody, query};
use super::page;
use super::refused::{Refused, failed};
use crate::app::{self, App};
use crate::command::{self, NewGrant, NewInteraction};
use crate::http::sign_in::cookie::{self, BrowserSignOn};
use crate::oauth::RegisteredClient;
use crate::store::{Tables as _, Visit, Wishes};

/// Where a browser goes on after its interaction.
pub(crate) const CONTINUE: &str = "/oauth/continue";

/// The longest query to which a posted request is turned: longer ones are answered without the browser's cookies.
const LONGEST_QUERY: usize = 6 * 1024;

/// Signs the user of this browser on to an application (RFC 6749 §3.1, OpenID Connect Core §3.1.2): sends the browser back with
/// a code, or to sign in first.
#[utoipa::path(
    get, path = "/oauth/authorize", tag = "oauth", operation_id = "authorize",
    responses(
        (status = 200, description = "a form that sends itself to the application", content_type = "text/html", body = String),
        (status = 303, description = "to the application, or to sign in"),
        (status = 400, description = "nowhere to go: a page says why", content_type = "text/html", body = String),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn ask(State(app): State<App>, uri: Uri, browser: BrowserSignOn) -> Response {
    match query(&uri) {
        Ok(form) => answer(&app, &form, browser).await,
        Err(error) => page::refused(StatusCode::BAD_REQUEST, &error),
    }
}

/// The same for applications that post. The browser asks again with `GET`: only then it shows its cookie (`SameSite=Lax`).
#[utoipa::path(
    post, path = "/oauth/authorize", tag = "oauth", operation_id = "authorize_by_form",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "ask again with GET"),
        (status = 400, description = "nowhere to go: a page says why", content_type = "text/html", body = String),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn ask_by_form(
    State(app): State<App>,
    browser: BrowserSignOn,
    FormBody(form): FormBody,
) -> Response {
    let query = page::query_of(&form);
    if query.len() > LONGEST_QUERY {
        return answer(&app, &form, browser).await;
    }
    page::see_other(&format!("/oauth/authorize?{query}"))
}

async fn answer(app: &App, form: &Form, BrowserSignOn(browser): BrowserSignOn) -> Response {
    let (client, request) = match request(app, form).await {
        Ok(found) => found,
        Err(Unread::Refusal(Refusal::Page(error))) => {
            return page::refused(StatusCode::BAD_REQUEST, &error);
        }
        Err(Unread::Refusal(Refusal::Return(answer))) => return page::send(&answer),
        Err(Unread::Failed(refused)) => return page::refused_with(refused),
    };
    let asking = Asking { app, client, request };
    match asking.decide(browser).await {
        Ok(response) => response,
        Err(Undecided::Answer(error)) => page::send(&asking.fail(&error)),
        Err(Undecided::Failed(refused)) => page::send(&asking.fail(&refused.error)),
    }
}

/// Why there is no request.
enum Unread {
    Refusal(Refusal),
    Failed(Refused),
}

impl From<OAuthError> for Unread {
    fn from(error: OAuthError) -> Self {
        Self::Refusal(Refusal::Page(error))
    }
}

impl From<imp_storage::StorageError> for Unread {
    fn from(error: imp_storage::StorageError) -> Self {
        Self::Failed(error.into())
    }
}

/// The request, in the parameters or pushed before, and whose it is.
async fn request(
    app: &App,
    form: &Form,
) -> Result<(Arc<RegisteredClient>, AuthorizationRequest), Unread> {
    let id = client_id(form)?;
    let client = app.oauth.client(&app.storage, id).await?;
    let client = client.ok_or_else(|| OAuthError::client("the application is not registered"))?;
    if let Some(digest) = par::pushed(form)? {
        let gone = || {
            let text = "the pushed request has expired, was used, or is another application's";
            OAuthError::new(ErrorCode::InvalidRequestUri, text)
        };
        let mut transaction = app.storage.begin().await?;
        let found = transaction.oauth().find_pushed(digest, id, app.now()).await?;
        let text = found.ok_or_else(gone)?;
        if !transaction.oauth().take_pushed(digest).await? {
            return Err(gone().into());
        }
        transaction.commit().await?;
        let request: AuthorizationRequest =
            serde_json::from_str(&text).map_err(|error| Unread::Failed(failed(&error, false)))?;
        // What was registered may have changed since.
        if !client.metadata.admits_redirect(&request.redirect_uri) {
            return Err(gone().into());
        }
        return Ok((client, request));
    }
    if client.metadata.par_required {
        return Err(OAuthError::request("this application must push its requests").into());
    }
    let request = validate(form, id, &client.metadata, app.oauth.issuer());
    Ok((client, request.map_err(Unread::Refusal)?))
}

/// An application that asks.
pub(super) struct Asking<'a> {
    pub(super) app: &'a App,
    pub(super) client: Arc<RegisteredClient>,
    pub(super) request: AuthorizationRequest,
}

/// Why the browser goes back without a code.
pub(super) enum Undecided {
    Answer(OAuthError),
    Failed(Refused),
}

impl From<imp_storage::StorageError> for Undecided {
    fn from(error: imp_storage::StorageError) -> Self {
        Self::Failed(error.into())
    }
}

impl Asking<'_> {
    /// The browser goes back with an error.
    pub(super) fn fail(&self, error: &OAuthError) -> AuthorizationResponse {
        self.request.fail(self.app.oauth.issuer(), error)
    }

    async fn decide(&self, browser: Option<(SignOn, User)>) -> Result<Response, Undecided> {
        let consent = match &browser {
            Some((_, user)) => self.missing_consent(user).await?,
            None => self.consent_of_a_stranger(),
        };
        let mut requirements = self.requirements(consent)?;
        let expected = self.expected().await?;
        if let Some((sign_on, user)) = &browser {
            let is_she = expected.as_ref().is_none_or(|sub| *sub == self.subject(user));
            // One wish that is satisfied is enough: what the first one asks for is not required then.
            let satisfied = |wish: &String| acr::satisfies(wish, &sign_on.authentication);
            if self.request.acr_values.iter().any(satisfied) {
                (requirements.aal, requirements.phishing_resistant) = (None, false);
            }
            let enough = meets(&requirements, &sign_on.authentication, self.app.now());
            if is_she && enough && requirements.consent.is_none() {
                return self.grant(sign_on, user, false).await;
            }
            if self.request.prompt.none {
                let code = match (is_she && enough, requirements.consent.is_some()) {
                    (true, true) => ErrorCode::ConsentRequired,
                    (true | false, _) => ErrorCode::LoginRequired,
                };
                let text = "the user would have to be asked";
                return Err(Undecided::Answer(OAuthError::new(code, text)));
            }
            // Somebody else is expected: she signs in anew.
            requirements.force |= !is_she;
        } else if self.request.prompt.none {
            let error = OAuthError::new(ErrorCode::LoginRequired, "nobody is signed on");
            return Err(Undecided::Answer(error));
        }
        self.ask(requirements).await
    }

    /// Whether who is signed on would do if `acr_values` were not there, which are wishes unless the claim is essential.
    pub(super) async fn is_enough_without_wishes(
        &self,
        sign_on: &SignOn,
        user: &User,
    ) -> Result<bool, Undecided> {
        if self.request.acr_is_essential() || self.request.acr_values.is_empty() {
            return Ok(false);
        }
        let consent = self.missing_consent(user).await?;
        let requirements =
            Requirements { aal: None, phishing_resistant: false, ..self.requirements(consent)? };
        let expected = self.expected().await?;
        let is_she = expected.is_none_or(|sub| sub == self.subject(user));
        let enough = meets(&requirements, &sign_on.authentication, self.app.now());
        Ok(is_she && enough && requirements.consent.is_none())
    }

    /// `sub` of whoever the application expects.
    pub(super) async fn expected(&self) -> Result<Option<String>, Undecided> {
        let wanted = self.request.claims.subject().map(str::to_owned);
        let Some(hint) = &self.request.id_token_hint else { return Ok(wanted) };
        let keys = self.app.oauth.keys(&self.app.storage).await?;
        let hint = verify_hint(hint, &keys, self.app.oauth.issuer()).map_err(|error| {
            Undecided::Answer(OAuthError::request(format!("id_token_hint: {error}")))
        })?;
        let own = self.client.id.to_string();
        if !hint.aud.names(&own) {
            let error = OAuthError::request("id_token_hint is another application's");
            return Err(Undecided::Answer(error));
        }
        if wanted.as_ref().is_some_and(|wanted| *wanted != hint.sub) {
            let error = OAuthError::request("id_token_hint and claims expect different people");
            return Err(Undecided::Answer(error));
        }
        Ok(Some(hint.sub))
    }

    /// `sub` of a user for this application.
    pub(super) fn subject(&self, user: &User) -> String {
        self.app.oauth.subject(user.id, &self.client.metadata)
    }

    /// What the user has yet to agree to.
    pub(super) async fn missing_consent(
        &self,
        user: &User,
    ) -> Result<Option<Vec<String>>, Undecided> {
        let consented = match self.client.metadata.consent {
            Consent::Never | Consent::Always => Scope::default(),
            Consent::First => {
                let mut reading = self.app.storage.read().await?;
                reading.oauth().consented(user.id, self.client.id).await?
            }
        };
        Ok(consent(&self.client.metadata, &self.request, &consented))
    }

    /// Who signs in is asked as if she had never agreed: it is not known yet who comes.
    fn consent_of_a_stranger(&self) -> Option<Vec<String>> {
        consent(&self.client.metadata, &self.request, &Scope::default())
    }

    fn requirements(&self, consent: Option<Vec<String>>) -> Result<Requirements, Undecided> {
        let request = &self.request;
        let wanted = |value: &&String| acr::SUPPORTED.contains(&value.as_str());
        // The first wish is asked for.
        let wish = request.acr_values.iter().find(wanted).map(String::as_str);
        let name = self.client.metadata.name.parse();
        Ok(Requirements {
            aal: wish.and_then(acr::level),
            phishing_resistant: matches!(wish, Some(acr::PHR | acr::PHRH)),
            max_age: request.max_age.map(|age| SignedDuration::from_secs(age.into())),
            force: request.prompt.login,
            hint: request.login_hint.as_ref().and_then(|hint| hint.parse::<Username>().ok()),
            consent,
            client_name: name.map_err(|error| Undecided::Failed(failed(&error, false)))?,
        })
    }

    /// Sends the browser to agree: whoever signed in is not who was there before.
    pub(super) async fn ask_consent(&self, consent: Vec<String>) -> Result<Response, Undecided> {
        let requirements = Requirements {
            aal: None,
            phishing_resistant: false,
            force: false,
            ..self.requirements(Some(consent))?
        };
        self.ask(requirements).await
    }

    /// Sends the browser to sign in.
    async fn ask(&self, requirements: Requirements) -> Result<Response, Undecided> {
        let text = serde_json::to_string(&self.request);
        let text = text.map_err(|error| Undecided::Failed(failed(&error, false)))?;
        let new = NewInteraction { continue_at: CONTINUE, request: text, requirements };
        let mut rng = app::rng();
        let context = &mut self.app.context(&mut rng);
        let (id, binding) = command::open_interaction(context, new).await?;
        let mut response = page::see_other(&sign_in_at(id, self.request.ui_locales.as_deref()));
        response.headers_mut().append(header::SET_COOKIE, cookie::interaction(id, &binding));
        Ok(response)
    }

    /// Grants what was asked for, and sends the browser back with a code.
    pub(super) async fn grant(
        &self,
        sign_on: &SignOn,
        user: &User,
        consented: bool,
    ) -> Result<Response, Undecided> {
        let mut rng = app::rng();
        let context = &mut self.app.context(&mut rng);
        let mut transaction = self.app.storage.begin().await?;
        // Whoever signed her out in the meantime found no grant to end: so there must be none.
        if !command::sign_on_counts(&mut transaction, sign_on.id, self.app.now()).await? {
            let error = OAuthError::new(ErrorCode::LoginRequired, "the user was signed out");
            return Err(Undecided::Answer(error));
        }
        if consented {
            let (scope, now) = (&self.request.scope, self.app.now());
            transaction.oauth().consent(user.id, self.client.id, scope, now).await?;
        }
        let new = self.new_grant(sign_on, user);
        let actor = Actor::User(user.id);
        let grant = command::make_grant(context, &mut transaction, &actor, new).await?;
        let known = self.app.oauth.known_as(user.id, sign_on.id, &self.client);
        let visit = Visit { sign_on: sign_on.id, client: self.client.id, known };
        transaction.visits().remember(&visit).await?;
        let binding = CodeBinding::new(&self.request, self.app.now());
        let code: Secret<String> =
            command::issue_code(context, &mut transaction, &grant, binding).await?;
        transaction.commit().await?;
        Ok(page::send(&self.request.succeed(self.app.oauth.issuer(), code.expose())))
    }

    fn new_grant(&self, sign_on: &SignOn, user: &User) -> NewGrant {
        let request = &self.request;
        let offline = request.scope.contains(OFFLINE_ACCESS);
        let latest = self.app.now() + self.app.config.oauth.longest_grant(offline);
        let expires_at = if offline { latest } else { latest.min(sign_on.expires_at) };
        NewGrant {
            client: self.client.id,
            user: user.id,
            sign_on: Some(sign_on.id),
            session: None,
            workstation: sign_on.workstation,
            scope: request.scope.clone(),
            authentication: sign_on.authentication.clone(),
            wishes: Wishes {
                nonce: request.nonce.clone(),
                resources: request.resources.clone(),
                acr_values: request.acr_values.clone(),
                claims: request.claims.clone(),
            },
            offline,
            expires_at,
        }
    }
}

/// The sign-in page, in the language that the application asks for.
fn sign_in_at(id: InteractionId, ui_locales: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("interaction", &id.to_string());
    if let Some(tags) = ui_locales {
        query.append_pair("ui_locales", tags);
    }
    format!("/sign-in?{}", query.finish())
}

/// What is to be agreed to, as the client's policy and the request say; nothing where nothing is missing.
fn consent(
    metadata: &Metadata,
    request: &AuthorizationRequest,
    consented: &Scope,
) -> Option<Vec<String>> {
    let missing = match metadata.consent {
        Consent::Never => false,
        Consent::First => !request.scope.is_within(consented),
        Consent::Always => true,
    };
    (missing || request.prompt.consent).then(|| request.scope.tokens().map(str::to_owned).collect())
}

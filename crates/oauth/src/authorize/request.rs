//! Requests of applications to know who is there.
use imp_identity::ClientId;
use serde::{Deserialize, Serialize};

use super::claims_request::ClaimsRequest;
use super::response::{AuthorizationResponse, Refusal, ResponseMode, error_parameters};
use crate::acr;
use crate::client::{GrantType, Metadata};
use crate::error::{ErrorCode, OAuthError};
use crate::form::Form;
use crate::jose::Thumbprint;
use crate::pkce::CodeChallenge;
use crate::scope::{OPENID, Scope};

/// `prompt` (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// `none`: no page may be shown. Stands alone.
    pub none: bool,
    /// `login`: the person authenticates anew. `select_account` counts as this: a browser has one account.
    pub login: bool,
    /// `consent`: she is asked.
    pub consent: bool,
}

/// A request that was checked against its client's registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuthorizationRequest {
    /// The client.
    pub client: ClientId,
    /// `redirect_uri`.
    pub redirect_uri: String,
    /// `scope`, reduced to what the client may ask for (RFC 6749 §3.3).
    pub scope: Scope,
    /// `state`.
    pub state: Option<String>,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `code_challenge`.
    pub challenge: CodeChallenge,
    /// `response_mode`.
    pub mode: ResponseMode,
    /// `prompt`.
    pub prompt: Prompt,
    /// `max_age` in seconds, or the client's `default_max_age`.
    pub max_age: Option<u32>,
    /// `acr_values`, or the client's `default_acr_values`, in order of preference: wishes.
    pub acr_values: Vec<String>,
    /// `claims`.
    pub claims: ClaimsRequest,
    /// `login_hint`.
    pub login_hint: Option<String>,
    /// `ui_locales`: the languages that the pages should speak, the dearest first.
    #[serde(default)]
    pub ui_locales: Option<String>,
    /// `id_token_hint`, unverified: [`crate::tokens::verify_hint`].
    pub id_token_hint: Option<String>,
    /// `dpop_jkt` (RFC 9449 §10).
    pub dpop_jkt: Option<Thumbprint>,
    /// `resource` (RFC 8707).
    pub resources: Vec<String>,
}

/// The client that a request names, by which its registration is found. What is wrong here is told to the person.
pub fn client_id(form: &Form) -> Result<ClientId, OAuthError> {
    form.require("client_id")?
        .parse()
        .map_err(|_| OAuthError::client("the application is not registered"))
}

/// Checks a request against the registration of `client`.
pub fn validate(
    form: &Form,
    client: ClientId,
    metadata: &Metadata,
    issuer: &str,
) -> Result<AuthorizationRequest, Refusal> {
    let redirect_uri = form.require("redirect_uri").map_err(Refusal::Page)?;
    if !metadata.admits_redirect(redirect_uri) {
        return Err(Refusal::Page(OAuthError::request(
            "redirect_uri is not registered for this application",
        )));
    }
    let (mode, mode_error) = match form.get("response_mode") {
        None | Some("query") => (ResponseMode::Query, None),
        Some("form_post") => (ResponseMode::FormPost, None),
        Some(_) => (ResponseMode::Query, Some(OAuthError::request("response_mode is not offered"))),
    };
    let refuse = |error: OAuthError| {
        let parameters = error_parameters(&error);
        Refusal::Return(AuthorizationResponse::new(
            redirect_uri,
            mode,
            parameters,
            form.get("state"),
            issuer,
        ))
    };
    if let Some(error) = mode_error {
        return Err(refuse(error));
    }
    read(form, client, metadata, redirect_uri, mode).map_err(refuse)
}

fn read(
    form: &Form,
    client: ClientId,
    metadata: &Metadata,
    redirect_uri: &str,
    mode: ResponseMode,
) -> Result<AuthorizationRequest, OAuthError> {
    refuse_what_is_not_offered(form)?;
    if !metadata.may_use(GrantType::AuthorizationCode) {
        return Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "the client is not registered for codes",
        ));
    }
    let claims = form.get("claims").map(ClaimsRequest::parse).transpose();
    let claims =
        claims.map_err(|error| OAuthError::request(error.to_string()))?.unwrap_or_default();
    let acr_values = acr_values(form, &claims, metadata)?;
    let dpop_jkt = form.get("dpop_jkt").map(str::parse).transpose();
    Ok(AuthorizationRequest {
        client,
        redirect_uri: redirect_uri.to_owned(),
        scope: scope(form, metadata)?,
        state: form.get("state").map(str::to_owned),
        nonce: form.get("nonce").map(str::to_owned),
        challenge: challenge(form)?,
        mode,
        prompt: prompt(form)?,
        max_age: max_age(form)?.or(metadata.default_max_age),
        acr_values,
        claims,
        login_hint: form.get("login_hint").map(str::to_owned),
        ui_locales: form.get("ui_locales").map(str::to_owned),
        id_token_hint: form.get("id_token_hint").map(str::to_owned),
        dpop_jkt: dpop_jkt.map_err(|_| OAuthError::request("dpop_jkt is not a thumbprint"))?,
        resources: resources(form, metadata)?,
    })
}

/// Says so, instead of ignoring what would change the answer (OpenID Connect Core §3.1.2.6, §6).
fn refuse_what_is_not_offered(form: &Form) -> Result<(), OAuthError> {
    for (name, code) in [
        ("request", ErrorCode::RequestNotSupported),
        ("request_uri", ErrorCode::RequestUriNotSupported),
        ("registration", ErrorCode::RegistrationNotSupported),
    ] {
        if form.get(name).is_some() {
            return Err(OAuthError::new(code, "not offered; push the request (RFC 9126) instead"));
        }
    }
    match form.require("response_type")? {
        "code" => Ok(()),
        _ => Err(OAuthError::new(
            ErrorCode::UnsupportedResponseType,
            "only the response type code is offered",
        )),
    }
}

fn scope(form: &Form, metadata: &Metadata) -> Result<Scope, OAuthError> {
    let asked: Scope = form.get("scope").map_or(Ok(Scope::default()), str::parse)?;
    // An OpenID request is recognised by its scope (OpenID Connect Core §3.1.2.1); others name one too.
    let granted = asked.intersect(&metadata.scope);
    if granted.is_empty() || (asked.contains(OPENID) && !granted.contains(OPENID)) {
        return Err(OAuthError::new(
            ErrorCode::InvalidScope,
            "no scope that the client may ask for",
        ));
    }
    Ok(granted)
}

fn challenge(form: &Form) -> Result<CodeChallenge, OAuthError> {
    let Some(text) = form.get("code_challenge") else {
        return Err(OAuthError::request("code_challenge is missing: PKCE is required"));
    };
    if form.get("code_challenge_method") != Some("S256") {
        return Err(OAuthError::request("code_challenge_method must be S256"));
    }
    text.parse().map_err(|_| OAuthError::request("code_challenge is malformed"))
}

fn prompt(form: &Form) -> Result<Prompt, OAuthError> {
    let mut prompt = Prompt::default();
    for value in form.get("prompt").unwrap_or_default().split(' ').filter(|value| !value.is_empty())
    {
        match value {
            "none" => prompt.none = true,
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => return Err(OAuthError::request("prompt has a value that is not offered")),
        }
    }
    if prompt.none && (prompt.login || prompt.consent) {
        return Err(OAuthError::request("prompt=none stands alone"));
    }
    Ok(prompt)
}

fn max_age(form: &Form) -> Result<Option<u32>, OAuthError> {
    let read = form.get("max_age").map(str::parse).transpose();
    read.map_err(|_| OAuthError::request("max_age is not a number of seconds"))
}

/// An essential `acr` claim comes before wishes (OpenID Connect Core §5.5.1.1); one that nothing can satisfy is refused.
fn acr_values(
    form: &Form,
    claims: &ClaimsRequest,
    metadata: &Metadata,
) -> Result<Vec<String>, OAuthError> {
    if let Some(essential) = claims.essential_acr() {
        if !essential.iter().any(|value| acr::SUPPORTED.contains(&value.as_str())) {
            let why = "no value of the essential acr claim is known";
            return Err(OAuthError::new(ErrorCode::UnmetAuthenticationRequirements, why));
        }
        return Ok(essential);
    }
    match form.get("acr_values") {
        Some(values) => {
            Ok(values.split(' ').filter(|value| !value.is_empty()).map(str::to_owned).collect())
        }
        None => Ok(metadata.default_acr_values.clone()),
    }
}

/// `resource` and `audience`, each registered for the client (RFC 8707 §2).
pub(crate) fn resources(form: &Form, metadata: &Metadata) -> Result<Vec<String>, OAuthError> {
    let asked: Vec<String> =
        form.all("resource").chain(form.all("audience")).map(str::to_owned).collect();
    if asked.iter().all(|resource| metadata.audiences.contains(resource)) {
        Ok(asked)
    } else {
        Err(OAuthError::new(
            ErrorCode::InvalidTarget,
            "the client is not registered for this resource",
        ))
    }
}

impl AuthorizationRequest {
    /// The browser goes back with a code.
    pub fn succeed(&self, issuer: &str, code: &str) -> AuthorizationResponse {
        self.answer(issuer, vec![("code", code.to_owned())])
    }

    /// The browser goes back with an error.
    pub fn fail(&self, issuer: &str, error: &OAuthError) -> AuthorizationResponse {
        self.answer(issuer, error_parameters(error))
    }

    /// Whether it is a request of OpenID Connect: an ID token is wanted.
    pub fn is_openid(&self) -> bool {
        self.scope.contains(OPENID)
    }

    /// Whether `acr` must be one of `acr_values`, or the request fails.
    pub fn acr_is_essential(&self) -> bool {
        self.claims.essential_acr().is_some()
    }

    fn answer(
        &self,
        issuer: &str,
        parameters: Vec<(&'static str, String)>,
    ) -> AuthorizationResponse {
        AuthorizationResponse::new(
            &self.redirect_uri,
            self.mode,
            parameters,
            self.state.as_deref(),
            issuer,
        )
    }
}

#[cfg(test)]
mod tests;

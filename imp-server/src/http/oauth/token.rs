//! `POST /oauth/token`
use std::sync::Arc;

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use imp_identity::user::User;
use imp_oauth::client::{GrantType, Presented};
use imp_oauth::dpop::Proof;
use imp_oauth::exchange::TokenType;
use imp_oauth::scope::OPENID;
use imp_oauth::token::{CodeRequest, TokenRequest, TokenResponse, client_scope, narrow, resources};
use imp_oauth::tokens::{AuthenticationClaims, Confirmation};
use imp_oauth::{Form, OAuthError, Scope};

use super::body::FormBody;
use super::client::{Asked, authenticate};
use super::issue::{self, Access};
use super::proof::{self, About};
use super::refused::Refused;
use crate::app::{self, App};
use crate::command::{self, RedeemError};
use crate::oauth::RegisteredClient;
use crate::store::Grant;

mod exchange;

/// Gives tokens (RFC 6749 §3.2).
#[utoipa::path(
    post, path = "/oauth/token", tag = "oauth", operation_id = "token",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "tokens (RFC 6749 §5.1)", body = serde_json::Value),
        (status = 400, description = "refused (RFC 6749 §5.2)", body = serde_json::Value),
        (status = 401, description = "the application did not prove who it is", body = serde_json::Value),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn token(
    State(app): State<App>,
    parts: Parts,
    FormBody(form): FormBody,
) -> Response {
    let asked = Asked::of(&parts, &app);
    let given = give(&app, &asked, &form).await;
    match given {
        Ok((tokens, proven)) => issue::answer(&app, &tokens, proven),
        Err(refused) => refused.into_response(),
    }
}

/// A request whose client and proof are known.
struct Proven<'a> {
    app: &'a App,
    client: Arc<RegisteredClient>,
    confirmation: Option<Confirmation>,
    proof: Option<Proof>,
}

async fn give(app: &App, asked: &Asked<'_>, form: &Form) -> Result<(TokenResponse, bool), Refused> {
    let client = client(app, asked, form).await?;
    let request = TokenRequest::parse(form)?;
    request.check_client(&client.metadata)?;
    let about = About { method: "POST", path: "/oauth/token", access_token: None };
    let proof = proof::read(app, asked, &about).await?;
    let confirmation = proof::confirmation(asked, &client, proof.as_ref())?;
    let proven = Proven { app, client, confirmation, proof };
    let tokens = match request {
        TokenRequest::Code(request) => proven.code(&request).await?,
        TokenRequest::Refresh { token, scope } => proven.refresh(token.expose(), scope).await?,
        TokenRequest::ClientCredentials { scope } => proven.client_credentials(form, scope).await?,
        TokenRequest::Device { code } => proven.device(code.expose()).await?,
        TokenRequest::Exchange(request) => exchange::exchange(&proven, asked, *request).await?,
    };
    Ok((tokens, proven.proof.is_some()))
}

/// Who asks. A workstation that exchanges its session names the application that it wants tokens for: its certificate is the
/// proof, and the application is registered for this grant.
async fn client(
    app: &App,
    asked: &Asked<'_>,
    form: &Form,
) -> Result<Arc<RegisteredClient>, Refused> {
    let exchanged = form.get("grant_type") == Some(exchange::GRANT_TYPE)
        && form.get("subject_token_type") == Some(TokenType::Session.urn());
    let unproven = asked.headers().get(axum::http::header::AUTHORIZATION).is_none();
    if exchanged
        && unproven
        && asked.certificate.is_some()
        && let Presented::Named(id) = Presented::read(form, None)?
    {
        let found = app.oauth.client(&app.storage, id).await?;
        let may =
            |client: &Arc<RegisteredClient>| client.metadata.may_use(GrantType::TokenExchange);
        let unknown = imp_oauth::client::authentication::unknown_client;
        return Ok(found.filter(may).ok_or_else(unknown)?);
    }
    authenticate(app, asked, form).await
}

impl Proven<'_> {
    async fn code(&self, request: &CodeRequest) -> Result<TokenResponse, Refused> {
        let mut rng = app::rng();
        let context = &mut self.app.context(&mut rng);
        let mut transaction = self.app.storage.begin().await?;
        let jkt = self.proof.as_ref().map(|proof| proof.jkt);
        let redeemed =
            command::redeem_code(context, &mut transaction, self.client.id, request, jkt).await;
        let (grant, user) = match redeemed {
            Ok(redeemed) => redeemed,
            Err(error) => return Err(self.refuse(error, transaction).await),
        };
        self.respond(context, transaction, (&grant, &user), Given::first(&grant)).await
    }

    async fn refresh(&self, token: &str, asked: Option<Scope>) -> Result<TokenResponse, Refused> {
        let mut rng = app::rng();
        let context = &mut self.app.context(&mut rng);
        let mut transaction = self.app.storage.begin().await?;
        let bound = self.binding()?;
        let redeemed = command::redeem_refresh(
            context,
            &mut transaction,
            self.client.id,
            token,
            bound.as_deref(),
        );
        let (grant, user) = match redeemed.await {
            Ok(redeemed) => redeemed,
            Err(error) => return Err(self.refuse(error, transaction).await),
        };
        // What the client may has changed since, perhaps: it gets no more than it is registered for now.
        let may = grant.scope.intersect(&self.client.metadata.scope);
        let scope = narrow(&may, asked)?;
        let given = Given { scope, first: false };
        self.respond(context, transaction, (&grant, &user), given).await
    }

    async fn device(&self, code: &str) -> Result<TokenResponse, Refused> {
        let mut rng = app::rng();
        let context = &mut self.app.context(&mut rng);
        let mut transaction = self.app.storage.begin().await?;
        let polled = command::poll_device(context, &mut transaction, self.client.id, code).await;
        let (grant, user) = match polled {
            Ok(polled) => polled,
            Err(RedeemError::Refused(error)) => {
                transaction.commit().await?;
                return Err(error.into());
            }
            Err(error) => return Err(self.refuse(error, transaction).await),
        };
        self.respond(context, transaction, (&grant, &user), Given::first(&grant)).await
    }

    /// Nothing is written and, most of the time, nothing is read: who asks and what signs is in memory.
    async fn client_credentials(
        &self,
        form: &Form,
        asked: Option<Scope>,
    ) -> Result<TokenResponse, Refused> {
        let metadata = &self.client.metadata;
        let scope = client_scope(metadata, asked)?;
        let resources = resources(form, metadata)?;
        let keys = self.app.oauth.keys(&self.app.storage).await?;
        let access = Access {
            subject: self.client.id.to_string(),
            scope: &scope,
            resources: &resources,
            authentication: AuthenticationClaims::default(),
            confirmation: self.confirmation.clone(),
            actor: None,
            grant: None,
        };
        issue::access(self.app, &keys, &self.client, access)
    }

    /// A refresh token of a client without a proof of its own is bound to a key instead, if there is one.
    fn binding(&self) -> Result<Option<String>, Refused> {
        let public = self.client.metadata.is_public();
        let bound = self.confirmation.as_ref().filter(|_| public).map(serde_json::to_string);
        bound.transpose().map_err(|error| super::refused::failed(&error, false))
    }

    /// What is used twice has ended, and that is stored.
    async fn refuse(&self, error: RedeemError, transaction: imp_storage::Transaction) -> Refused {
        match error {
            RedeemError::Refused(error) => error.into(),
            RedeemError::Storage(error) => error.into(),
            RedeemError::Reused => match transaction.commit().await {
                Ok(()) => {
                    tracing::warn!(client = %self.client.id, "what stands for a grant was used twice");
                    OAuthError::grant("it is not known, has expired, or was revoked").into()
                }
                Err(error) => error.into(),
            },
        }
    }

    /// Tokens of a grant; commits.
    async fn respond(
        &self,
        context: &mut command::Context<'_>,
        mut transaction: imp_storage::Transaction,
        (grant, user): (&Grant, &User),
        given: Given,
    ) -> Result<TokenResponse, Refused> {
        let app = self.app;
        let refresh = if self.client.metadata.may_use(GrantType::RefreshToken) {
            let bound = self.binding()?;
            Some(command::issue_refresh(context, &mut transaction, grant, bound).await?)
        } else {
            None
        };
        let person = issue::person(&mut transaction, user).await?;
        transaction.commit().await?;
        let keys = app.oauth.keys(&app.storage).await?;
        let access = Access {
            subject: app.oauth.subject(grant.user, &self.client.metadata),
            scope: &given.scope,
            resources: &grant.wishes.resources,
            authentication: issue::authentication(grant),
            confirmation: self.confirmation.clone(),
            actor: None,
            grant: Some(grant.id),
        };
        let mut tokens = issue::access(app, &keys, &self.client, access)?;
        tokens.refresh_token = refresh;
        if given.scope.contains(OPENID) {
            let access = (Some(tokens.access_token.expose().as_str()), given.first);
            let id = issue::id_token(app, &keys, &self.client, (grant, &person), access)?;
            tokens.id_token = Some(id);
        }
        Ok(tokens)
    }
}

/// What is given of a grant.
struct Given {
    /// For this.
    scope: Scope,
    /// Whether it answers the authorization request itself.
    first: bool,
}

impl Given {
    fn first(grant: &Grant) -> Self {
        Self { scope: grant.scope.clone(), first: true }
    }
}

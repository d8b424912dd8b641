//! Which application asks, and whether it proves it.
use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use imp_identity::spiffe::Machine;
use imp_identity::{ClientId, Digest};
use imp_oauth::client::{
    AuthMethod, ClientKeys, ClientProof, Credentials, Expectation, Presented,
    authentication::unknown_client,
};
use imp_oauth::jose::{Compact, JwkSet};
use imp_oauth::mtls::Certificate;
use imp_oauth::{ErrorCode, Form, OAuthError};

use super::refused::{Refused, failed};
use crate::app::{self, App};
use crate::command::{self, AuthenticateMachineError};
use crate::http::caller::PeerCertificate;
use crate::http::limits::{Limit, neighbourhood};
use crate::oauth::RegisteredClient;
use crate::store::Tables as _;

/// What a request brings beside its parameters.
pub(crate) struct Asked<'a> {
    /// Where it comes from, and its headers.
    pub(crate) parts: &'a Parts,
    /// The certificate of its connection, if that counts now.
    pub(crate) certificate: Option<&'a PeerCertificate>,
}

impl<'a> Asked<'a> {
    /// Of a request.
    pub(crate) fn of(parts: &'a Parts, app: &App) -> Self {
        let peer = parts.extensions.get::<PeerCertificate>();
        Self { parts, certificate: peer.filter(|peer| app.now() < peer.expires_at) }
    }

    /// Its headers.
    pub(crate) const fn headers(&self) -> &'a HeaderMap {
        &self.parts.headers
    }

    /// What tokens and registrations compare of its certificate.
    pub(crate) fn certificate(&self) -> Option<&'a Certificate> {
        self.certificate.map(|peer| &peer.certificate)
    }
}

/// The application that a request is from, by its proof.
pub(crate) async fn authenticate(
    app: &App,
    asked: &Asked<'_>,
    form: &Form,
) -> Result<Arc<RegisteredClient>, Refused> {
    let authorization = asked.headers().get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let presented = Presented::read(form, authorization);
    let result = match presented {
        Ok(presented) => prove(app, asked, &presented).await,
        Err(error) => Err(error.into()),
    };
    result.map_err(|refused| {
        // RFC 6749 §5.2: who tried the header is told how it is used.
        if authorization.is_some() && refused.error.code == ErrorCode::InvalidClient {
            return Refused::challenging(refused.error, "Basic realm=\"imp\"".to_owned());
        }
        refused
    })
}

async fn prove(
    app: &App,
    asked: &Asked<'_>,
    presented: &Presented,
) -> Result<Arc<RegisteredClient>, Refused> {
    let id = presented.client();
    let whose = id.to_string();
    app.limits.may_try(&whose, asked.parts, app.now()).map_err(Refused::too_soon)?;
    let refused = match attempt(app, asked, presented).await {
        Ok(client) => return Ok(client),
        Err((known, refused)) => {
            if refused.error.code == ErrorCode::InvalidClient {
                app.limits.failed(&whose, asked.parts, app.now());
                if known {
                    record(app, id, &refused.error).await;
                }
            }
            refused
        }
    };
    Err(refused)
}

/// With whether the application is registered at all.
type Failure = (bool, Refused);

async fn attempt(
    app: &App,
    asked: &Asked<'_>,
    presented: &Presented,
) -> Result<Arc<RegisteredClient>, Failure> {
    let id = presented.client();
    let found = app.oauth.client(&app.storage, id).await;
    let found = found.map_err(|error| (false, error.into()))?;
    let client = found.ok_or_else(|| (false, unknown_client().into()))?;
    let known = |refused: Refused| (true, refused);
    let proof = check(app, asked, presented, &client).await.map_err(known)?;
    let by_key = matches!(proof, ClientProof::Certificate | ClientProof::Assertion(_));
    if app.config.oauth.strict && !by_key {
        let text = "applications prove themselves by private_key_jwt or a certificate here";
        return Err(known(OAuthError::client(text).into()));
    }
    match proof {
        // Anybody can name it: who does pays for what is kept.
        ClientProof::Public => {
            let from = neighbourhood(asked.parts);
            let taken = app.limits.before(Limit::Openings, from, app.now());
            taken.map_err(|wait| known(Refused::too_soon(wait)))?;
        }
        ClientProof::Secret => {}
        ClientProof::Certificate => machine(app, asked).await.map_err(known)?,
        ClientProof::Assertion(verified) => {
            let jti = verified.jti.as_bytes();
            let digest = Digest::of(&[b"imp assertion", id.as_uuid().as_bytes(), jti]);
            if !show_once(app, digest, verified.until).await.map_err(known)? {
                let error = OAuthError::client("the client assertion was used before");
                return Err(known(error.into()));
            }
        }
    }
    Ok(client)
}

/// The machine that the certificate names counts: it was not revoked since.
async fn machine(app: &App, asked: &Asked<'_>) -> Result<(), Refused> {
    let Some(certificate) = asked.certificate else {
        return Err(unknown_client().into());
    };
    let peer = &certificate.peer;
    let result = match peer.spiffe_id.machine {
        Machine::Workstation(id) => {
            command::authenticate_workstation(&app.storage, id, &peer.public_key).await.map(drop)
        }
        Machine::Phone(id) => {
            command::authenticate_phone(&app.storage, id, &peer.public_key).await.map(drop)
        }
        Machine::Device(id) => {
            let storage = &app.storage;
            command::authenticate_device(storage, id, &peer.public_key, &certificate.serial)
                .await
                .map(drop)
        }
    };
    match result {
        Ok(()) => Ok(()),
        Err(AuthenticateMachineError::Storage(error)) => Err(error.into()),
        Err(
            AuthenticateMachineError::Unknown
            | AuthenticateMachineError::Revoked
            | AuthenticateMachineError::OtherKey,
        ) => Err(unknown_client().into()),
    }
}

/// Remembers something that may be shown once; `false` if it was.
pub(crate) async fn show_once(
    app: &App,
    digest: Digest,
    until: jiff::Timestamp,
) -> Result<bool, Refused> {
    let mut transaction = app.storage.begin().await?;
    let once = transaction.oauth().show_once(digest, until).await?;
    transaction.commit().await?;
    Ok(once)
}

async fn check(
    app: &App,
    asked: &Asked<'_>,
    presented: &Presented,
    client: &RegisteredClient,
) -> Result<ClientProof, Refused> {
    let keys = keys(app, presented, client).await?;
    let stored =
        Credentials { metadata: &client.metadata, secret: client.secret, keys: keys.as_deref() };
    let issuer = app.oauth.issuer();
    let token = format!("{issuer}/oauth/token");
    let par = format!("{issuer}/oauth/par");
    let introspect = format!("{issuer}/oauth/introspect");
    let revoke = format!("{issuer}/oauth/revoke");
    let audiences: [&str; 5] = [issuer, &token, &par, &introspect, &revoke];
    let expected =
        Expectation { certificate: asked.certificate(), audiences: &audiences, now: app.now() };
    Ok(presented.verify(&stored, &expected)?)
}

/// The keys with which an assertion is checked.
async fn keys(
    app: &App,
    presented: &Presented,
    client: &RegisteredClient,
) -> Result<Option<Arc<JwkSet>>, Refused> {
    let Presented::Assertion(_, assertion) = presented else { return Ok(None) };
    if client.metadata.auth_method != AuthMethod::PrivateKeyJwt {
        return Ok(None);
    }
    match &client.metadata.keys {
        None => Ok(None),
        Some(ClientKeys::Inline(keys)) => Ok(Some(Arc::new(keys.clone()))),
        Some(ClientKeys::Uri(uri)) => {
            let token = Compact::parse(assertion).map_err(|_| unknown_client())?;
            let algorithm = token.algorithm().map_err(|_| unknown_client())?;
            let id = token.header.kid.as_deref();
            let knows = |keys: &JwkSet| keys.candidates(id, algorithm).next().is_some();
            let found = app.oauth.outside.keys((uri, client.voucher()), knows).await;
            let found = found.map_err(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(client = %client.id, error, "an application's keys cannot be had");
                OAuthError::client("the keys at jwks_uri cannot be had")
            })?;
            Ok(Some(found))
        }
    }
}

/// Says in the log that a registered application was refused, no more often than limits allow.
async fn record(app: &App, client: ClientId, error: &OAuthError) {
    if !app.oauth.refusals.admit(client, app.now()) {
        return;
    }
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let reason = error.description.to_string();
    if let Err(error) = command::record_client_refusal(context, Some(client), reason).await {
        let _logged = failed(&error, error.is_busy());
    }
}

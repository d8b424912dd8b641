//! Signed requests (RFC 8555 §6.2 to §6.5): who asks, for what, and that nobody asks twice.
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use imp_identity::AcmeAccountId;
use imp_pki::acme::account::{AccountError, AccountStatus};
use imp_pki::acme::jws::{self, JwsError, Verified};
use imp_pki::acme::{AccountKey, Problem, ProblemType, Refused, Signer};

use super::answer::{Answer, answer};
use crate::acme::BASE;
use crate::app::App;
use crate::command::acme::{AcmeClient, AcmeError, AcmeRefusal, find_acme_client, refuse};

/// The media type of requests.
const MEDIA_TYPE: &str = "application/jose+json";

/// A request, unread.
pub(crate) struct Posted {
    /// The address that it was sent to.
    pub(crate) url: String,
    body: Bytes,
}

/// What was found out of who asks, for the log.
#[derive(Default)]
pub(crate) struct Asker {
    /// Who says that it asks: an account's identifier, or nobody's.
    pub(crate) name: String,
    /// The account, if it signed.
    pub(crate) client: Option<AcmeClient>,
}

/// The request is not one of ACME.
#[derive(Debug, thiserror::Error)]
enum PostError {
    /// Another media type.
    #[error("a request is of the type {MEDIA_TYPE}")]
    MediaType,
    /// It cannot be read, or is too long.
    #[error("the request cannot be read, or is longer than {} bytes", jws::LARGEST)]
    Body,
    /// It must be signed by an account.
    #[error("this request is signed by an account (`kid`)")]
    NoAccount,
    /// It must be signed by a new key.
    #[error("this request is signed with a key (`jwk`)")]
    NoKey,
    /// The address is nobody's.
    #[error("`kid` is not the address of an account here")]
    AccountUrl,
    /// There is something to read.
    #[error("this request has an empty payload (POST-as-GET)")]
    Payload,
}

impl Refused for PostError {
    fn kind(&self) -> ProblemType {
        match self {
            Self::AccountUrl => ProblemType::AccountDoesNotExist,
            Self::MediaType | Self::Body | Self::NoAccount | Self::NoKey | Self::Payload => {
                ProblemType::Malformed
            }
        }
    }

    fn word(&self) -> &'static str {
        "request-malformed"
    }
}

impl FromRequest<App> for Posted {
    type Rejection = Answer;

    async fn from_request(request: Request, app: &App) -> Result<Self, Answer> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let kind = kind.and_then(|it| it.split(';').next()).unwrap_or_default().trim();
        let refused = async |error: PostError| {
            let asker = Asker::default();
            Answer(answer(app, asker, Err(refuse(error))).await)
        };
        if !kind.eq_ignore_ascii_case(MEDIA_TYPE) {
            return Err(refused(PostError::MediaType).await);
        }
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        let url = app.acme.url(path.strip_prefix(BASE).unwrap_or(path));
        match Bytes::from_request(request, app).await {
            Ok(body) => Ok(Self { url, body }),
            Err(_) => Err(refused(PostError::Body).await),
        }
    }
}

impl Posted {
    /// Verifies that an account that counts signed; what it says.
    pub(crate) async fn by_account(
        &self,
        app: &App,
        asker: &mut Asker,
    ) -> Result<(AcmeClient, Vec<u8>), AcmeError> {
        let request = jws::Request::parse(&self.body).map_err(refuse)?;
        let Signer::Account(kid) = request.signer() else {
            return Err(refuse(PostError::NoAccount));
        };
        let id = app.acme.named(kid, "/account/").and_then(|id| id.parse::<AcmeAccountId>().ok());
        let id = id.ok_or_else(|| refuse(PostError::AccountUrl))?;
        let client = find_acme_client(&app.storage, id).await?;
        // Only now: names that nobody has would fill the log, and the memory of what was logged.
        asker.name = id.to_string();
        let verified = request.verify(&client.account.key, &self.url);
        if !matches!(verified, Err(JwsError::Signature)) {
            asker.client = Some(client.clone());
        }
        let payload = take(app, verified.map_err(refuse)?)?;
        if client.account.status != AccountStatus::Valid {
            return Err(refuse(AccountError::Gone));
        }
        Ok((client, payload))
    }

    /// Verifies that an account that counts signed, and says nothing.
    pub(crate) async fn as_get(
        &self,
        app: &App,
        asker: &mut Asker,
    ) -> Result<AcmeClient, AcmeError> {
        let (client, payload) = self.by_account(app, asker).await?;
        if payload.is_empty() { Ok(client) } else { Err(refuse(PostError::Payload)) }
    }

    /// Verifies that whoever has the key in the request signed it; what it says.
    pub(crate) fn by_key(&self, app: &App) -> Result<(AccountKey, Vec<u8>), AcmeError> {
        let request = jws::Request::parse(&self.body).map_err(refuse)?;
        let Signer::Key(key) = request.signer() else { return Err(refuse(PostError::NoKey)) };
        let key = key.clone();
        let verified = request.verify(&key, &self.url).map_err(refuse)?;
        let payload = take(app, verified)?;
        Ok((key, payload))
    }

    /// Whether an account signs, or a key.
    pub(crate) fn is_by_account(&self) -> bool {
        let request = jws::Request::parse(&self.body);
        request.is_ok_and(|request| matches!(request.signer(), Signer::Account(_)))
    }
}

/// Takes the nonce.
fn take(app: &App, verified: Verified) -> Result<Vec<u8>, AcmeError> {
    app.acme.take(&verified.nonce).map_err(refuse)?;
    Ok(verified.payload)
}

/// What a path names, or that there is nothing.
pub(crate) fn named<T: std::str::FromStr>(text: &str) -> Result<T, AcmeError> {
    let problem = Problem::new(ProblemType::Malformed, "there is nothing at this address");
    let refusal = AcmeRefusal { problem, word: "nothing-there", device: None, recorded: false };
    text.parse().map_err(|_| refusal.into())
}

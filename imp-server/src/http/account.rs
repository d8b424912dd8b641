//! A person's own passkeys, security keys and sign-ons, in a browser where she has just proved who she is.
pub(crate) mod applications;
pub(crate) mod change;
pub(crate) mod page;
pub(crate) mod register;

use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::http::request::Parts;
use axum::middleware::from_fn;
use imp_identity::authentication::{Aal, Method};
use imp_identity::sign_on::{Requirements, SignOn};
use imp_identity::user::User;
use jiff::{SignedDuration, Timestamp};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::sign_in::cookie::BrowserSignOn;
use super::sign_in::language::{self, spoken};
use super::{ProblemResponse, problem};
use crate::app::App;
use crate::command::{ChangeCredentialError, RegisterCredentialError};

/// How old the proof may be (SP 800-63B-4 §4.1: a new authenticator is bound by a recent authentication).
const RECENT: SignedDuration = SignedDuration::from_mins(15);

/// How old it may be where a desktop handed over: who sits down at one that was left open was not there then.
const RECENT_AT_A_DESKTOP: SignedDuration = SignedDuration::from_mins(3);

/// The largest body of a browser, in bytes: an attestation with its certificates.
const LARGEST: usize = 64 * 1024;

/// The page, and what it asks.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(page::show))
        .routes(routes!(register::begin))
        .routes(routes!(register::finish))
        .routes(routes!(change::rename))
        .routes(routes!(change::remove))
        .routes(routes!(change::end))
        .routes(routes!(applications::withdraw))
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(from_fn(language::speak))
}

/// What somebody may do with her account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Register a credential: she came with an officer's code.
    Register,
    /// Everything: she proved herself with two factors, a moment ago.
    Everything,
}

/// Who has proved herself a moment ago.
pub(crate) struct Holder {
    pub(crate) sign_on: SignOn,
    pub(crate) user: User,
    pub(crate) reach: Reach,
}

/// One of those, who may do everything.
pub(crate) struct FullHolder(pub(crate) Holder);

impl Holder {
    /// What the browser's sign-on is good for now, if anything.
    pub(crate) fn of(browser: Option<(SignOn, User)>, now: Timestamp) -> Option<Self> {
        let (sign_on, user) = browser?;
        let authentication = &sign_on.authentication;
        let recent = if sign_on.session.is_some() { RECENT_AT_A_DESKTOP } else { RECENT };
        if now.duration_since(authentication.at) > recent {
            return None;
        }
        let reach = if authentication.methods == [Method::Code] {
            Reach::Register
        } else if authentication.aal >= Aal::Aal2 {
            Reach::Everything
        } else {
            return None;
        };
        Some(Self { sign_on, user, reach })
    }
}

/// What the page of the account requires.
fn requirements() -> Result<Requirements, ProblemResponse> {
    let client_name = spoken().account.parse();
    Ok(Requirements {
        aal: Some(Aal::Aal2),
        phishing_resistant: false,
        max_age: None,
        // What she did before she came here does not count, however recent.
        force: true,
        hint: None,
        consent: None,
        client_name: client_name.map_err(|error| problem::internal(&error))?,
    })
}

impl FromRequestParts<App> for Holder {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let BrowserSignOn(browser) = BrowserSignOn::from_request_parts(parts, app).await?;
        let title = "Prove who you are first: load the page again.";
        Self::of(browser, app.now()).ok_or_else(|| problem::SIGN_IN_REQUIRED.says(title))
    }
}

impl FromRequestParts<App> for FullHolder {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let holder = Holder::from_request_parts(parts, app).await?;
        if holder.reach == Reach::Everything {
            return Ok(Self(holder));
        }
        let title =
            "A one-time code is good for registering a passkey only: sign in with it first.";
        Err(problem::SIGN_IN_STRONGER.says(title))
    }
}

impl From<RegisterCredentialError> for ProblemResponse {
    fn from(error: RegisterCredentialError) -> Self {
        use RegisterCredentialError as E;
        match &error {
            E::TooMany | E::Taken | E::Expired => problem::CREDENTIAL_STATE.because(&error),
            E::Unavailable(source) => problem::PASSKEYS_UNAVAILABLE.because(source),
            E::Refused(source) => {
                tracing::info!(
                    error = source as &dyn std::error::Error,
                    "a credential was refused"
                );
                problem::CREDENTIAL_REFUSED.because(source)
            }
            E::Storage(source) => problem::storage(&error, source),
        }
    }
}

impl From<ChangeCredentialError> for ProblemResponse {
    fn from(error: ChangeCredentialError) -> Self {
        match &error {
            ChangeCredentialError::NotFound => problem::NOT_FOUND.because(&error),
            ChangeCredentialError::LastWay => problem::CREDENTIAL_STATE.because(&error),
            ChangeCredentialError::Storage(source) => problem::storage(&error, source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_identity::authentication::Authentication;
    use imp_identity::sign_on::{Establishment, SignOnPolicy};
    use imp_identity::user::Role;
    use imp_identity::{SignOnId, UserId};
    use jiff::ToSpan as _;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn reach(methods: Vec<Method>, aal: Aal, after: jiff::Span) -> Option<Reach> {
        let id = UserId::from(Uuid::from_u128(1));
        let names = ("ada".parse().unwrap(), "Ada".parse().unwrap());
        let (user, _) = User::create(id, names.0, names.1, Role::Staff, None);
        let by = Establishment {
            user: id,
            desktop: None,
            credential: None,
            authentication: Authentication::new(NOW, methods, aal),
        };
        let sign_on = SignOnId::from(Uuid::from_u128(2));
        let (sign_on, _) = SignOn::establish(sign_on, by, &SignOnPolicy::default(), NOW);
        Holder::of(Some((sign_on, user)), NOW + after).map(|holder| holder.reach)
    }

    #[test]
    fn the_account_is_for_whoever_proved_herself_a_moment_ago() {
        let key = || vec![Method::SoftwareKey, Method::Pin];
        assert_eq!(reach(key(), Aal::Aal2, 15.minutes()), Some(Reach::Everything));
        assert_eq!(reach(key(), Aal::Aal2, 16.minutes()), None);
        assert_eq!(reach(vec![Method::HardwareKey], Aal::Aal1, 0.minutes()), None);
        assert_eq!(reach(vec![Method::Code], Aal::Aal1, 1.minutes()), Some(Reach::Register));
        assert!(Holder::of(None, NOW).is_none());
    }
}

//! The parts that handlers, jobs and the command line work with. No behaviour.
use std::sync::Arc;

use imp_delivery::Messenger;
use imp_events::export::Source;
use imp_identity::{Clock, Digest};
use imp_storage::{Storage, StorageError};
use imp_webauthn::RelyingParty;
use jiff::{SignedDuration, Timestamp};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use url::Url;

use crate::access::{Gate, GateError};
use crate::ca::{Keys, KeysError};
use crate::command::{Authority, Context, RosterCache};
use crate::config::{AttestationError, Config, InvalidConfig, MailError};
use crate::connections::Connections;
use crate::http::limits::Limits;
use crate::log::{self, EstablishError};
use crate::oauth::{Provider, ProviderError};
use crate::revocation::Revocation;
use crate::saml::{Saml, SamlKeyError};
use crate::store::MIGRATIONS;
use crate::stream::{SealError, Service};

/// The operating system's generator. It panics if that fails, which it cannot after start-up (getrandom(2)).
pub(crate) type Rng = UnwrapErr<SysRng>;

/// Everything that an operation needs. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub storage: Storage,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The keys.
    pub keys: Arc<Keys>,
    /// The configuration.
    pub config: Arc<Config>,
    /// The latest roster.
    pub roster: Arc<RosterCache>,
    /// What machines call this server, as in invitations.
    pub url: Arc<str>,
    /// What applications call this server, `iss`, and the origin of its pages; without a final slash.
    pub issuer: Arc<str>,
    /// The OpenID provider.
    pub oauth: Arc<Provider>,
    /// Who verifies passkeys and security keys.
    pub webauthn: Arc<RelyingParty>,
    /// The SAML identity provider.
    pub saml: Arc<Saml>,
    /// What streams of events need.
    pub(crate) streams: Arc<Service>,
    /// What others are told of certificates that no longer count.
    pub(crate) revocation: Arc<Revocation>,
    /// The connection policy in memory.
    pub(crate) connections: Arc<Connections>,
    /// Who may do what.
    pub gate: Arc<Gate>,
    /// What ACME needs.
    pub(crate) acme: Arc<crate::acme::Service>,
    /// What was recorded lately of those who were not enrolled.
    pub(crate) newcomers: Arc<crate::access::Refusals<String>>,
    /// How often strangers may try.
    pub(crate) limits: Arc<Limits>,
    /// Carries notices to people, if there is a mail server.
    pub messenger: Option<Arc<dyn Messenger>>,
}

/// The parts cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration is wrong.
    #[error("the configuration cannot be used")]
    Config(#[from] InvalidConfig),
    /// Mail cannot be sent.
    #[error("mail cannot be sent")]
    Mail(#[from] MailError),
    /// The keys cannot be created or read.
    #[error("the keys cannot be used")]
    Keys(#[from] KeysError),
    /// The database cannot be opened.
    #[error("the database cannot be used")]
    Storage(#[from] StorageError),
    /// The policies of who may do what cannot be used.
    #[error("the authorization policies cannot be used")]
    Access(#[from] GateError),
    /// Streams of events cannot be kept.
    #[error("streams of events cannot be kept")]
    Streams(#[from] SealError),
    /// Applications cannot be signed on to.
    #[error("the OpenID provider cannot be made")]
    Oauth(#[from] ProviderError),
    /// Applications that speak SAML cannot be signed on to.
    #[error("the SAML identity provider cannot be made")]
    Saml(#[from] SamlKeyError),
    /// Models of security keys cannot be told apart.
    #[error("security keys cannot be attested")]
    Attestation(#[from] AttestationError),
    /// ACME cannot be offered.
    #[error("ACME cannot be offered")]
    Acme(#[from] crate::acme::AcmeServiceError),
    /// The log cannot be used.
    #[error("the log cannot be used")]
    Log(#[from] EstablishError),
}

impl App {
    /// Opens keys and database, and creates them at the first start; begins the log, and takes in what an earlier version
    /// recorded. Invitations name `port`.
    pub async fn open(config: Config, clock: Arc<dyn Clock>, port: u16) -> Result<Self, OpenError> {
        config.validate()?;
        let gate = Arc::new(Gate::open(&config.access, &crate::http::router::contract())?);
        let limits = Arc::new(Limits::new(&config.limits));
        let mail = config.notices.mail.as_ref().map(crate::config::Mail::open).transpose()?;
        let messenger = mail.map(|smtp| Arc::new(smtp) as Arc<dyn Messenger>);
        let keys = Keys::open(&config, clock.now(), &mut rng())?;
        let url: Arc<str> = config.url(port).into();
        let issuer: Arc<str> = config.issuer(port).into();
        let webauthn = Arc::new(relying_party(&config, &issuer, clock.now())?);
        let options = config.storage_options();
        let storage = Storage::open(&config.storage_url(), &MIGRATIONS, &options).await?;
        let set_key = Digest::of(&[keys.set_key().public_key().as_spki()]);
        let adopted = log::establish(&storage, keys.log_key(), set_key, &mut rng()).await?;
        if adopted > 0 {
            tracing::info!(adopted, "took the events of an earlier version into the log");
        }
        let (keys, config) = (Arc::new(keys), Arc::new(config));
        let streams = Arc::new(Service::new(&keys, &config, clock.clone(), (&url, &issuer))?);
        let oauth = Arc::new(Provider::new(&keys, &config, issuer.clone())?);
        let folder_key = keys.set_key().pkcs8();
        let acme = crate::acme::Service::new(&config.acme, &issuer, folder_key, &mut rng())?;
        let acme = Arc::new(acme);
        let folder = config.data.join(crate::ca::DIRECTORY);
        let saml = Arc::new(Saml::new(folder, issuer.clone(), keys.set_key().pkcs8())?);
        let revocation = Arc::new(Revocation::new(config.revocation.kept_answers));
        let copies = SignedDuration::from_hours(i64::from(config.connections.copy_hours));
        let connections = Connections::new(config.trust_domain.clone(), copies);
        connections.refresh(&storage).await?;
        Ok(Self {
            storage,
            clock,
            keys,
            config,
            roster: Arc::default(),
            url,
            issuer,
            oauth,
            webauthn,
            saml,
            streams,
            revocation,
            connections: Arc::new(connections),
            gate,
            acme,
            newcomers: Arc::default(),
            limits,
            messenger,
        })
    }

    /// The current instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What exports say of their sender.
    pub(crate) fn source(&self) -> Source {
        Source {
            trust_domain: self.keys.trust_domain().clone(),
            host: self.config.http.names.first().map_or_else(String::new, ToString::to_string),
            site: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// What a command works with, now.
    pub(crate) fn context<'a>(&'a self, rng: &'a mut Rng) -> Context<'a> {
        Context {
            storage: &self.storage,
            now: self.now(),
            rng,
            trust_domain: self.keys.trust_domain(),
            signer: self.keys.statement_key(),
            log_key: self.keys.log_key(),
            authority: Some(Authority { keys: &self.keys, rules: &self.config.devices }),
        }
    }
}

/// Passkeys are for the origin that applications know.
fn relying_party(config: &Config, issuer: &str, now: Timestamp) -> Result<RelyingParty, OpenError> {
    let origin = Url::parse(issuer).map_err(|_| InvalidConfig::Url)?;
    let party = RelyingParty::new(&origin, config.sign_on.attestation(now)?);
    if !party.is_available() {
        tracing::warn!(issuer, "the server is called by an address: passkeys need a name");
    }
    Ok(party)
}

/// The operating system's generator.
pub(crate) const fn rng() -> Rng {
    UnwrapErr(SysRng)
}

//! A server in this process, with a database in a file, a user in a browser, and two applications.
use std::sync::Arc;

use imp_authenticator::tls::first_meeting;
use imp_identity::authentication::Authentication;
use imp_identity::clock::SystemClock;
use imp_identity::user::{Role, User};
use imp_identity::{Actor, Clock, UserId};
use imp_oauth::client::Metadata;
use imp_server::command::{self, Context, NewSignOn, Registrar};
use imp_server::store::Tables as _;
use imp_server::{Config, Server};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::Failure;
use super::application::{Application, BACK};

/// A server and where its files are.
pub(super) struct Installation {
    server: Server,
    clock: Arc<dyn Clock>,
    _data: tempfile::TempDir,
}

impl Installation {
    /// A new one.
    pub(super) async fn open() -> Result<Self, Failure> {
        let data = tempfile::tempdir()?;
        let mut config = Config::at(data.path());
        config.limits.openings_per_minute = 10_000_000;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let server = Server::start(config, clock.clone()).await?;
        Ok(Self { server, clock, _data: data })
    }

    /// What asks it.
    pub(super) async fn application(&self) -> Result<Application, Failure> {
        let app = self.server.app();
        let mut rng = StdRng::seed_from_u64(1);
        let service = self.register(
            &mut rng,
            json!({
                "client_name": "Laboratory",
                "grant_types": ["client_credentials"],
                "scope": "introspect system/Observation.rs",
            }),
        );
        let service = service.await?;
        let charts = self.register(
            &mut rng,
            json!({
                "client_name": "Charts",
                "redirect_uris": [BACK],
                "grant_types": ["authorization_code", "refresh_token"],
                "scope": "openid profile",
            }),
        );
        let charts = charts.await?;
        let cookie = self.sign_on(&mut rng).await?;
        let tls = first_meeting(self.server.ca(), self.clock.clone())?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .http1_only()
            .build()?;
        let issuer = app.issuer.to_string();
        Ok(Application { http, issuer, service, charts, cookie })
    }

    fn context<'a>(&'a self, rng: &'a mut StdRng) -> Context<'a> {
        let app = self.server.app();
        Context {
            storage: &app.storage,
            now: app.now(),
            rng,
            trust_domain: app.keys.trust_domain(),
            signer: app.keys.statement_key(),
            log_key: app.keys.log_key(),
            authority: None,
        }
    }

    /// Its identifier and secret.
    async fn register(
        &self,
        rng: &mut StdRng,
        document: Value,
    ) -> Result<(String, String), Failure> {
        let metadata = Metadata::parse(document.to_string().as_bytes())?;
        let (actor, registrar) = (Actor::Server, Registrar::Administrator);
        let context = &mut self.context(rng);
        let made = command::register_client(context, &actor, metadata, registrar).await?;
        let secret = made.secret.ok_or("it has a secret")?;
        Ok((made.client.id.to_string(), secret.expose().clone()))
    }

    /// The cookie of a browser in which somebody is signed on.
    async fn sign_on(&self, rng: &mut StdRng) -> Result<String, Failure> {
        let (app, now) = (self.server.app(), self.server.app().now());
        let id = UserId::generate(now, rng);
        let (ada, _) = User::create(id, "ada".parse()?, "Ada".parse()?, Role::Staff, None);
        let mut transaction = app.storage.begin().await?;
        transaction.users().add(&ada).await?;
        let new = NewSignOn {
            user: id,
            session: None,
            authentication: Authentication::tap(now),
            credential: None,
            replaces: None,
        };
        let (context, actor) = (&mut self.context(rng), Actor::User(id));
        let (_, cookie) =
            command::establish_sign_on(context, &mut transaction, &actor, new).await?;
        transaction.commit().await?;
        Ok(format!("__Host-imp-sign-on={}", cookie.expose()))
    }

    /// Ends it.
    pub(super) async fn close(self) -> Result<(), Failure> {
        Ok(self.server.stop().await?)
    }
}

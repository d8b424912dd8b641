//! A hospital's people and browsers in a new installation, made before its server starts.
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use imp_identity::authentication::Authentication;
use imp_identity::clock::SystemClock;
use imp_identity::user::Role;
use imp_identity::{Actor, UserId};
use imp_oauth::client::Metadata;
use imp_server::command::{self, Context, NewSignOn, NewUser, Registrar};
use imp_server::{App, Config};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::Failure;
use super::caller::{Application, BACK};

/// Commands at a time.
const WRITERS: usize = 64;

/// Makes `users` people in `data`, signs browsers of the first `sign_ons` of them on, and registers an application.
pub(super) async fn populate(
    data: &Path,
    users: usize,
    sign_ons: usize,
) -> Result<Application, Failure> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let app = App::open(Config::at(data), Arc::new(SystemClock), port).await?;
    let people = futures::stream::iter(0..users).map(|number| person(&app, number));
    let people: Vec<UserId> = people.buffer_unordered(WRITERS).try_collect().await?;
    let cookies = futures::stream::iter(people.into_iter().take(sign_ons).enumerate());
    let cookies = cookies.map(|(number, user)| browser(&app, number, user));
    let cookies: Vec<String> = cookies.buffer_unordered(WRITERS).try_collect().await?;
    let (client, secret) = application(&app).await?;
    let ca = data.join("keys/root.pem");
    let issuer = app.issuer.to_string();
    app.storage.close().await;
    Application::ours(&issuer, (&client, &secret), &ca, cookies)
}

async fn person(app: &App, number: usize) -> Result<UserId, Failure> {
    let mut rng = StdRng::seed_from_u64(u64::try_from(number)?);
    let new = NewUser {
        username: format!("p{number}").parse()?,
        display_name: format!("Person {number}").parse()?,
        role: Role::Staff,
        unit: None,
        email: None,
    };
    Ok(command::create_user(&mut context(app, &mut rng), Actor::Server, new).await?.id)
}

async fn browser(app: &App, number: usize, user: UserId) -> Result<String, Failure> {
    let mut rng = StdRng::seed_from_u64(u64::MAX - u64::try_from(number)?);
    let mut transaction = app.storage.begin().await?;
    let authentication = Authentication::tap(app.now());
    let new = NewSignOn { user, session: None, authentication, credential: None, replaces: None };
    let context = &mut context(app, &mut rng);
    let (_, cookie) =
        command::establish_sign_on(context, &mut transaction, &Actor::User(user), new).await?;
    transaction.commit().await?;
    Ok(format!("__Host-imp-sign-on={}", cookie.expose()))
}

async fn application(app: &App) -> Result<(String, String), Failure> {
    let metadata = serde_json::json!({
        "client_name": "Application",
        "redirect_uris": [BACK],
        "grant_types": ["authorization_code", "client_credentials"],
        "scope": "openid profile introspect",
    });
    let metadata = Metadata::parse(metadata.to_string().as_bytes())?;
    let mut rng = StdRng::seed_from_u64(rand::rng().random());
    let context = &mut context(app, &mut rng);
    let registered =
        command::register_client(context, &Actor::Server, metadata, Registrar::Administrator)
            .await?;
    let secret = registered.secret.ok_or("no secret")?;
    Ok((registered.client.id.to_string(), secret.expose().clone()))
}

fn context<'a>(app: &'a App, rng: &'a mut StdRng) -> Context<'a> {
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

//! Changes things in an installation as fast as it can, with many commands at a time, until it is killed: what the crash
//! tests of the log kill. Prints a line for everything that the server has acknowledged, and only then.
//!
//! `imp-appender FOLDER URL SEED`
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use imp_identity::clock::SystemClock;
use imp_identity::user::{Role, User};
use imp_identity::{Actor, UserId};
use imp_server::command::{self, Context, NewUser};
use imp_server::{App, Config, StorageConfig};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Commands at a time.
const WRITERS: u64 = 12;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, url, seed] = words.as_slice() else { return Err("FOLDER URL SEED".into()) };
    let at = Config::at(Path::new(folder));
    let storage = StorageConfig { url: Some(url.clone()), ..at.storage.clone() };
    let app = App::open(Config { storage, ..at }, Arc::new(SystemClock), 0).await?;
    let seed: u64 = seed.parse()?;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(app.clone(), seed * WRITERS + writer));
    }
    writers.join_all().await;
    Ok(())
}

/// One person after the other: created, sometimes disabled; sometimes a command fails, or its caller goes away.
async fn write(app: App, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    for count in 0_u64.. {
        let name = format!("p{seed}-{count}");
        let created = create(&app, &mut rng, &name).await;
        match (created, rng.random_range(0..8)) {
            (Some(user), 0) => disable(&app, &mut rng, user.id).await,
            (Some(_), 1) => {
                // The name is taken: the command rolls back, in the middle of a group.
                let _refused = create(&app, &mut rng, &name).await;
            }
            (Some(_), 2) => {
                let patience = Duration::from_micros(rng.random_range(0..3000));
                let gone = format!("{name}-gone");
                // Whether she is created nobody is told.
                let _left = tokio::time::timeout(patience, add(&app, &mut rng, &gone)).await;
            }
            (Some(_), _) => {}
            // The database may be starting.
            (None, _) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn create(app: &App, rng: &mut StdRng, name: &str) -> Option<User> {
    let user = add(app, rng, name).await?;
    say("created", user.id);
    Some(user)
}

async fn add(app: &App, rng: &mut StdRng, name: &str) -> Option<User> {
    let new = NewUser {
        username: name.parse().ok()?,
        display_name: name.parse().ok()?,
        role: Role::Staff,
        unit: None,
        email: None,
    };
    command::create_user(&mut context(app, rng), Actor::Server, new).await.ok()
}

async fn disable(app: &App, rng: &mut StdRng, user: UserId) {
    if command::disable_user(&mut context(app, rng), Actor::Server, user).await.is_ok() {
        say("disabled", user);
    }
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

/// One write of one line: whoever reads gets it whole or not at all.
fn say(what: &str, user: UserId) {
    let line = format!("{what} {user}\n");
    // Who reads is about to kill this process.
    let _unheard = std::io::stdout().lock().write_all(line.as_bytes());
}

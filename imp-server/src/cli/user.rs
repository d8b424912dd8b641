//! `user`
use clap::Subcommand;
use imp_identity::name::{Email, Label, Username};
use imp_identity::user::{Role, User};

use super::output::{self, Failure};
use super::{account, arguments};
use crate::app::{self, App};
use crate::command::{self, NewUser};
use crate::config::Config;
use crate::http::answer;

/// How many users are read at a time.
const PAGE: u32 = 500;

/// What to do with users.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create a user.
    Add {
        /// 1 to 64 lower-case letters, digits, `.`, `_` or `-`.
        username: Username,
        /// How she is shown to people.
        #[arg(long)]
        name: Label,
        /// staff, officer, administrator or auditor.
        #[arg(long, default_value_t = Role::Staff)]
        role: Role,
        /// The ward or department she belongs to.
        #[arg(long)]
        unit: Option<Label>,
        /// The e-mail address to which notices go.
        #[arg(long)]
        email: Option<Email>,
    },
    /// List users by username.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Stop a user from being authenticated, and end her sessions.
    Disable {
        /// Who.
        username: Username,
    },
    /// Let a user be authenticated again.
    Enable {
        /// Who.
        username: Username,
    },
    /// Set the e-mail address to which notices go, or remove it.
    Contact {
        /// Who.
        username: Username,
        /// The address; without one, notices go nowhere.
        #[arg(long)]
        email: Option<Email>,
    },
    /// Make a one-time code with which a user signs in to administration or the enrolment desk.
    SignInCode {
        /// Who.
        username: Username,
    },
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    match command {
        Command::Add { username, name, role, unit, email } => {
            add(&app, NewUser { username, display_name: name, role, unit, email }).await
        }
        Command::List { json } => list(&app, json).await,
        Command::Disable { username } => disable(&app, &username).await,
        Command::Enable { username } => enable(&app, &username).await,
        Command::Contact { username, email } => contact(&app, &username, email).await,
        Command::SignInCode { username } => sign_in_code(&app, &username).await,
    }
}

async fn add(app: &App, new: NewUser) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let user = command::create_user(context, account::operator(), new).await?;
    Ok(output::line(format!("created {} {} ({})", user.role, user.username, user.id))?)
}

async fn list(app: &App, json: bool) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let page = command::list_users(&app.storage, after.as_ref(), PAGE).await?;
        for user in &page.items {
            show(user, json)?;
        }
        let Some(next) = page.next else { return Ok(()) };
        after = Some(next);
    }
}

fn show(user: &User, json: bool) -> Result<(), Failure> {
    if json {
        return output::json_line(&answer::user(user));
    }
    let state = if user.is_active() { "active" } else { "disabled" };
    let unit = user.unit.as_ref().map_or("-", Label::as_str);
    let User { username, display_name, role, id, .. } = user;
    let line = format!(
        "{:<20} {:<13} {state:<8} {unit:<20} {display_name}  {id}",
        username.as_str(),
        role.code()
    );
    Ok(output::line(line)?)
}

async fn contact(app: &App, username: &Username, email: Option<Email>) -> Result<(), Failure> {
    let user = arguments::user(&app.storage, username).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let user = command::contact_user(context, account::operator(), user.id, email).await?;
    let goes = if user.email.is_some() { "go to the given address" } else { "go nowhere" };
    Ok(output::line(format!("notices to {username} {goes}"))?)
}

async fn disable(app: &App, username: &Username) -> Result<(), Failure> {
    let user = arguments::user(&app.storage, username).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::disable_user(context, account::operator(), user.id).await?;
    Ok(output::line(format!("disabled {username}"))?)
}

async fn enable(app: &App, username: &Username) -> Result<(), Failure> {
    let user = arguments::user(&app.storage, username).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::enable_user(context, account::operator(), user.id).await?;
    Ok(output::line(format!("enabled {username}"))?)
}

async fn sign_in_code(app: &App, username: &Username) -> Result<(), Failure> {
    let user = arguments::user(&app.storage, username).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let made = command::issue_sign_in_code(context, account::operator(), user.id).await?;
    output::line(format!("one-time code for {username}, good until {:.0}:", made.expires_at))?;
    Ok(output::line(made.code.expose())?)
}

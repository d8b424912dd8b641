//! `search`
use clap::Subcommand;
use imp_events::Question;
use imp_events::attendance::Form;
use imp_identity::event::Reading;
use imp_identity::name::Label;
use imp_identity::search::SavedSearch;
use imp_identity::{Actor, SearchId};

use super::account;
use super::arguments::When;
use super::events::{self, Which};
use super::output::{self, Failure, failure};
use crate::app::{self, App};
use crate::command::{self, SaveSearch};
use crate::config::Config;
use crate::store::Tables as _;

/// What to do with saved searches. What an operator saves is for every auditor.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Keep a question under a name.
    Save {
        /// What it is called.
        name: Label,
        #[command(flatten)]
        which: Box<Which>,
    },
    /// List the shared searches by name.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Ask a saved question.
    Run {
        /// Its name or identifier.
        search: String,
        /// Not earlier, whatever was saved: an instant, a day, or how long ago.
        #[arg(long, value_name = "WHEN")]
        from: Option<When>,
        /// Earlier than this, whatever was saved.
        #[arg(long, value_name = "WHEN")]
        until: Option<When>,
        /// The number of the open case for which it is asked.
        #[arg(long, value_name = "NUMBER")]
        case: Option<u64>,
        /// At most so many: the newest.
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Remove a saved search that an operator made.
    Remove {
        /// Its name or identifier.
        search: String,
    },
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    let operator = account::operator();
    match command {
        Command::Save { name, which } => save(&app, &operator, name, &which).await,
        Command::List { json } => list(&app, &operator, json).await,
        Command::Run { search, from, until, case, limit, json } => {
            let saved = find(&app, &operator, &search).await?;
            let mut question = Question::from_json(&saved.question)?;
            if let Some(from) = from {
                question.from = Some(from.instant(app.now())?);
            }
            if let Some(until) = until {
                question.until = Some(until.instant(app.now())?);
            }
            if let Some(number) = case {
                question.case = Some(command::resolve_case(&app.storage, number).await?.id);
            }
            question.check()?;
            let mut rng = app::rng();
            let context = &mut app.context(&mut rng);
            let (form, means) = (Form::Pages, Reading::Search);
            let begun = command::begin_reading(context, &operator, question, form, means).await?;
            events::newest(&app, &begun, limit, json).await
        }
        Command::Remove { search } => {
            let id = find(&app, &operator, &search).await?.id;
            let mut rng = app::rng();
            let context = &mut app.context(&mut rng);
            command::remove_search(context, &operator, id).await?;
            Ok(output::line(format!("removed search {id}"))?)
        }
    }
}

async fn save(app: &App, operator: &Actor, name: Label, which: &Which) -> Result<(), Failure> {
    let question = which.question(app).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let new = SaveSearch { name, shared: true, question };
    let search = command::save_search(context, operator, new).await?;
    Ok(output::line(format!("saved {} ({})", search.name, search.id))?)
}

async fn list(app: &App, operator: &Actor, json: bool) -> Result<(), Failure> {
    let searches = command::list_searches(&app.storage, operator).await?;
    let owners = searches.iter().filter_map(|search| search.owner);
    let people = app.storage.read().await?.named().people(owners).await?;
    for search in &searches {
        let owner = search.owner.map_or_else(
            || "-".to_owned(),
            |id| people.get(&id).map_or_else(|| id.to_string(), |p| p.username.to_string()),
        );
        let SavedSearch { id, name, question, .. } = search;
        if json {
            output::json_line(&serde_json::json!({
                "id": id, "name": name, "owner": owner, "question": question,
            }))?;
        } else {
            output::line(format!("{id}  {:<24} {owner:<16} {question}", name.as_str()))?;
        }
    }
    Ok(())
}

/// A search by its identifier, or by its name if only one has it.
async fn find(app: &App, operator: &Actor, text: &str) -> Result<SavedSearch, Failure> {
    if let Ok(id) = text.parse::<SearchId>() {
        let found = command::find_search(&app.storage, operator, id).await?;
        return found.ok_or_else(|| failure(format!("there is no saved search `{text}`")));
    }
    let searches = command::list_searches(&app.storage, operator).await?;
    let mut named = searches.into_iter().filter(|search| search.name.as_str() == text);
    match (named.next(), named.next()) {
        (Some(search), None) => Ok(search),
        (None, _) => Err(failure(format!("there is no saved search `{text}`"))),
        (Some(_), Some(_)) => {
            Err(failure(format!("there are several searches `{text}`: name one by its identifier")))
        }
    }
}

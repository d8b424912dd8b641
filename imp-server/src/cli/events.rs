//! `events`
use std::time::Duration;

use clap::Args;
use imp_events::attendance::Form;
use imp_events::{Kind, Question};
use imp_identity::event::{Outcome, Reading};
use uuid::Uuid;

use super::account;
use super::arguments::When;
use super::output::{self, Failure};
use crate::app::{self, App};
use crate::command::{self, Begun, KnownNames, Paging, Reviewed};
use crate::config::Config;
use crate::http::audit::answer;
use crate::store::Direction;

/// How many entries are read at a time.
const PAGE: u32 = 500;
/// How often the log is looked at with `--follow`.
const PAUSE: Duration = Duration::from_secs(1);

/// Which entries, and how they are shown. That they were read is itself an entry.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// At most so many: the newest.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// All of them, from the first.
    #[arg(long, conflicts_with = "after")]
    all: bool,
    /// All of them after this index.
    #[arg(long, value_name = "INDEX")]
    after: Option<u64>,
    /// Go on with new entries until stopped.
    #[arg(long)]
    follow: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Which entries: those that meet every condition.
#[derive(Clone, Debug, Args)]
pub(super) struct Which {
    /// Concerned or acting: a username or identifier. Without a time, of the last 24 hours.
    #[arg(long, visible_alias = "user", value_name = "USERNAME")]
    person: Option<String>,
    /// A workstation's name or identifier.
    #[arg(long, value_name = "NAME")]
    workstation: Option<String>,
    /// A phone or other device, by identifier.
    #[arg(long, value_name = "ID")]
    device: Option<Uuid>,
    /// The names of events, such as tap-refused, with commas between them.
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    kind: Vec<Kind>,
    /// accepted, refused or abandoned.
    #[arg(long)]
    outcome: Option<Outcome>,
    /// Not earlier: an instant such as 2026-11-22T06:00:00Z, a day, or how long ago, such as 8h.
    #[arg(long, value_name = "WHEN")]
    from: Option<When>,
    /// Earlier than this.
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,
    /// The number of the open case for which it is asked.
    #[arg(long, value_name = "NUMBER")]
    case: Option<u64>,
}

impl Which {
    /// As the log is asked.
    pub(super) async fn question(&self, app: &App) -> Result<Question, Failure> {
        let storage = &app.storage;
        let person = match &self.person {
            Some(text) => Some(command::resolve_person(storage, text).await?),
            None => None,
        };
        let workstation = match &self.workstation {
            Some(text) => Some(command::resolve_workstation(storage, text).await?),
            None => None,
        };
        let case = match self.case {
            Some(number) => Some(command::resolve_case(storage, number).await?.id),
            None => None,
        };
        let question = Question {
            person,
            workstation,
            device: self.device,
            kinds: self.kind.clone(),
            outcome: self.outcome,
            from: self.from.map(|when| when.instant(app.now())).transpose()?,
            until: self.until.map(|when| when.instant(app.now())).transpose()?,
            case,
        };
        question.check()?;
        Ok(question)
    }
}

/// Prints them.
pub(super) async fn run(config: Config, arguments: Arguments) -> Result<(), Failure> {
    let app = super::open(config).await?;
    let question = arguments.which.question(&app).await?;
    let (form, means) = if arguments.follow {
        (Form::Live, Reading::Stream)
    } else {
        (Form::Pages, Reading::Search)
    };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let begun =
        command::begin_reading(context, &account::operator(), question, form, means).await?;
    let json = arguments.json;
    if arguments.all || arguments.after.is_some() {
        onwards(&app, &begun, arguments.after, json).await?;
    } else {
        newest(&app, &begun, arguments.limit, json).await?;
    }
    if arguments.follow { follow(&app, begun, json).await } else { Ok(()) }
}

/// The newest answers, oldest first.
pub(super) async fn newest(app: &App, begun: &Begun, most: u32, json: bool) -> Result<(), Failure> {
    let mut pages = vec![];
    let (mut before, mut left) = (Some(begun.index), most);
    while let (Some(_), 1..) = (before, left) {
        let paging = Paging { direction: Direction::Newest { before }, limit: left.min(PAGE) };
        let page = command::read_page(&app.storage, &begun.question, paging).await?;
        before = page.next;
        left = left.saturating_sub(u32::try_from(page.entries.len())?);
        pages.push(page);
    }
    for page in pages.iter().rev() {
        for entry in page.entries.iter().rev() {
            show(entry, &page.names, json)?;
        }
    }
    Ok(())
}

/// Every answer after an index, up to where the log was when it was asked.
async fn onwards(
    app: &App,
    begun: &Begun,
    mut after: Option<u64>,
    json: bool,
) -> Result<(), Failure> {
    loop {
        let paging = Paging { direction: Direction::Oldest { after }, limit: PAGE };
        let page = command::read_page(&app.storage, &begun.question, paging).await?;
        for entry in page.entries.iter().take_while(|entry| entry.index < begun.index) {
            show(entry, &page.names, json)?;
        }
        after = page.next;
        if after.is_none_or(|after| after >= begun.index) {
            return Ok(());
        }
    }
}

/// What happens from now on.
async fn follow(app: &App, begun: Begun, json: bool) -> Result<(), Failure> {
    let mut after = begun.index;
    // Whatever time was named, new entries are new.
    let question = Question { until: None, ..begun.question };
    loop {
        let paging = Paging { direction: Direction::Oldest { after: Some(after) }, limit: PAGE };
        let page = command::read_page(&app.storage, &question, paging).await?;
        for entry in &page.entries {
            show(entry, &page.names, json)?;
        }
        after = page.next.or(page.entries.last().map(|entry| entry.index)).unwrap_or(after);
        if page.next.is_none() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Index, time, kind and what happened.
pub(super) fn show(entry: &Reviewed, names: &KnownNames, json: bool) -> Result<(), Failure> {
    if json {
        return output::json_line(&answer::entry(entry, names));
    }
    let Reviewed { index, at, kind, .. } = entry;
    Ok(output::line(format!("{index:>8}  {at:.0}  {kind:<26}  {}", entry.sentence(names)))?)
}

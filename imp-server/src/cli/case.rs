//! `case`
use clap::Subcommand;
use imp_events::sentence::Called as _;
use imp_identity::case::{Case, Conclusion, State};
use imp_identity::name::{Label, Remark, Username};

use super::output::{self, Failure};
use super::{account, arguments, events};
use crate::app::{self, App};
use crate::command::{self, CaseChange, CaseFile, KnownNames, OpenCase};
use crate::config::Config;
use crate::http::audit::answer;
use crate::store::CaseFilter;

/// How many cases are read at a time.
const PAGE: u32 = 500;

/// What to do with cases. Each change is an entry of the log.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Open a case about entries of the log.
    Open {
        /// The indexes of the entries, as `events` shows them.
        #[arg(value_name = "INDEX")]
        entries: Vec<u64>,
        /// What it is about; what the first entry says, unless said otherwise.
        #[arg(long)]
        title: Option<Label>,
    },
    /// List cases, newest first.
    List {
        /// open or closed; all of them unless said otherwise.
        #[arg(long, value_parser = ["open", "closed"])]
        state: Option<String>,
        /// Only those of this auditor.
        #[arg(long, value_name = "USERNAME")]
        assignee: Option<Username>,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show a case with its entries and its history.
    Show {
        /// Its number.
        number: u64,
        /// Everything that proves each entry, in JSON: `imp-server log verify-receipt` checks it.
        #[arg(long)]
        proof: bool,
        /// In JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give a case to an auditor.
    Assign {
        /// Its number.
        number: u64,
        /// Who.
        assignee: Username,
    },
    /// Say something about a case.
    Comment {
        /// Its number.
        number: u64,
        /// What.
        comment: Remark,
        /// Further entries that belong to it.
        #[arg(long = "entry", value_name = "INDEX")]
        entries: Vec<u64>,
    },
    /// End a case.
    Close {
        /// Its number.
        number: u64,
        /// legitimate, misuse, technical, duplicate or inconclusive.
        conclusion: Conclusion,
        /// Why.
        reason: Remark,
    },
    /// Take a closed case up again.
    Reopen {
        /// Its number.
        number: u64,
        /// Why.
        reason: Remark,
    },
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    match command {
        Command::Open { entries, title } => open(&app, OpenCase { title, entries }).await,
        Command::List { state, assignee, json } => {
            let open = state.map(|state| state == "open");
            let assignee = match assignee {
                Some(username) => Some(arguments::user(&app.storage, &username).await?.id),
                None => None,
            };
            list(&app, CaseFilter { open, assignee }, json).await
        }
        Command::Show { number, proof, json } => show(&app, number, proof, json).await,
        Command::Assign { number, assignee } => {
            let assignee = arguments::user(&app.storage, &assignee).await?.id;
            change(&app, number, CaseChange::Assign(assignee)).await
        }
        Command::Comment { number, comment, entries } => {
            change(&app, number, CaseChange::Comment { comment, entries }).await
        }
        Command::Close { number, conclusion, reason } => {
            change(&app, number, CaseChange::Close { conclusion, reason }).await
        }
        Command::Reopen { number, reason } => {
            change(&app, number, CaseChange::Reopen { reason }).await
        }
    }
}

async fn open(app: &App, open: OpenCase) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let case = command::open_case(context, &account::operator(), open).await?;
    Ok(output::line(format!("opened case {}: {}", case.number, case.title))?)
}

async fn change(app: &App, number: u64, change: CaseChange) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let case = command::change_case(context, &account::operator(), number, change).await?;
    Ok(output::line(format!("case {number} is {}: {}", state(&case), case.title))?)
}

async fn list(app: &App, filter: CaseFilter, json: bool) -> Result<(), Failure> {
    let mut before = None;
    loop {
        let (page, names) = command::list_cases(&app.storage, filter, before, PAGE).await?;
        for case in &page.items {
            if json {
                output::json_line(&answer::case(case))?;
            } else {
                output::line(line(case, &names))?;
            }
        }
        let Some(next) = page.next else { return Ok(()) };
        before = Some(next);
    }
}

/// Number, state, since when, whose, what.
fn line(case: &Case, names: &KnownNames) -> String {
    let assignee = case.assignee.map_or_else(|| "-".to_owned(), |user| names.person(user));
    let Case { number, opened_at, title, .. } = case;
    format!("{number:>5}  {:<24}  {opened_at:.0}  {assignee:<20} {title}", state(case))
}

fn state(case: &Case) -> String {
    match &case.state {
        State::Open => "open".to_owned(),
        State::Closed { conclusion, .. } => format!("closed as {conclusion}"),
    }
}

async fn show(app: &App, number: u64, proof: bool, json: bool) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let file = command::read_case(context, &account::operator(), number, proof).await?;
    if proof || json {
        return output::json(&answer::case_file(&file));
    }
    let CaseFile { case, evidence, history, names, .. } = &file;
    output::line(line(case, names))?;
    output::line("\nAbout:")?;
    for entry in evidence {
        events::show(entry, names, false)?;
    }
    output::line("\nHistory:")?;
    for entry in history {
        events::show(entry, names, false)?;
    }
    Ok(())
}

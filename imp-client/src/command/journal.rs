//! The journal of what was decided without the server: looking, and beginning anew after the server refused it or it could not be read.
use std::process::ExitCode;

use clap::{Args, Subcommand};
use imp_client::journal::Journal;
use imp_identity::Clock as _;
use imp_identity::clock::SystemClock;

use super::{Context, Failure, output};

/// See [`super::Command::Journal`].
#[derive(Args)]
pub(crate) struct LookAtJournal {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// Set a journal that the server refused, or that cannot be read, aside, and begin a new one: the workstation decides on its own again.
    BeginAnew,
}

impl LookAtJournal {
    /// Stop the agent first: it holds the journal.
    pub(crate) async fn run(&self, context: &Context) -> Result<ExitCode, Failure> {
        let _alone = context.state.lock()?;
        let keystore = context.config.keystore(&context.state);
        let keystore = tokio::task::spawn_blocking(move || keystore.open()).await??;
        let journal = Journal::open(context.state.clone(), keystore);
        match self.what {
            None => {
                show(&journal);
                Ok(ExitCode::from(u8::from(journal.is_refused())))
            }
            Some(What::BeginAnew) => {
                match journal.begin_anew(SystemClock.now())? {
                    Some(name) => output::say(&format!(
                        "Set aside as {name}; a new journal begins with the next decision."
                    )),
                    None => output::say("The server has refused nothing: nothing to do."),
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn show(journal: &Journal) {
    if let Some(name) = journal.unreadable() {
        output::say(&format!(
            "THE JOURNAL CANNOT BE READ. It is kept as {name}, and nothing is decided here without the server. \
             Find out why, then: imp-client journal begin-anew"
        ));
        return;
    }
    let refused = if journal.is_refused() { ", and the server refuses them" } else { "" };
    output::say(&format!("Decisions that wait for the server: {}{refused}", journal.len()));
    for entry in journal.entries() {
        let verdict = entry.refused.map_or("accepted", |refusal| refusal.code());
        output::say(&format!(
            "{:>5}  {:.0}  {}  {verdict}  tap {}  phone {}",
            entry.sequence, entry.decided_at, entry.purpose, entry.tap, entry.phone
        ));
    }
    if journal.is_refused() {
        output::say(
            "Ask why in the server's log (journal-broken), then: imp-client journal begin-anew",
        );
    }
}

//! `imp-client setup`: makes a workstation ready, question by question, or by flags alone.
mod dialogue;

use std::io::{BufRead, IsTerminal as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use imp_authenticator::InvitationUri;
use imp_client::ClientConfig;
use imp_client::credentials::StoredCredentials;
use imp_client::doctor;
use imp_client::meeting::enrol_machine;
use imp_client::setup::{self, Choices, DesktopChoice, Device};
use imp_identity::clock::SystemClock;

use self::dialogue::Dialogue;
use super::{Context, Failure, output};

/// Where the agent of the package listens.
const SOCKET: &str = "/run/imp-client/agent.sock";

/// Make this workstation ready: enrol it, choose and try camera, radio and lock, write the configuration.
#[derive(Args)]
pub(super) struct Setup {
    /// An administrator's invitation, `imp:enrol?server=…&ca=…&code=…`; asked for if this workstation is not enrolled.
    #[arg(long)]
    invitation: Option<InvitationUri>,
    /// The camera's device file.
    #[arg(long)]
    camera: Option<PathBuf>,
    /// The Bluetooth adapter, such as hci0.
    #[arg(long)]
    adapter: Option<String>,
    /// What is locked.
    #[arg(long)]
    desktop: Option<DesktopKind>,
    /// A local account in whose session everybody works who taps in; may be given several times.
    #[arg(long)]
    shared: Vec<String>,
    /// Where the configuration is written; where it is read from, or /etc/imp/client.toml, if absent.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Ask nothing: what is not given stays as it is, or is the first that is there.
    #[arg(long)]
    no_questions: bool,
}

/// What is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DesktopKind {
    /// The sessions of logind.
    Logind,
    /// Nothing: the window covers the screen.
    None,
}

impl Setup {
    pub(super) async fn run(
        &self,
        context: Context,
        file: Option<PathBuf>,
    ) -> Result<ExitCode, Failure> {
        let asks = !self.no_questions && std::io::stdin().is_terminal();
        self.run_with(context, file, &mut Dialogue::new(std::io::stdin().lock(), asks)).await
    }

    async fn run_with(
        &self,
        context: Context,
        file: Option<PathBuf>,
        dialogue: &mut Dialogue<impl BufRead>,
    ) -> Result<ExitCode, Failure> {
        let path = self.output.clone().or(file).unwrap_or_else(|| "/etc/imp/client.toml".into());
        self.enrol(&context, dialogue).await?;
        // Where nobody is asked, what is configured stays.
        let ask = dialogue.asks() || !path.is_file();
        let choices = Choices {
            camera: if ask { self.camera(dialogue)? } else { self.camera.clone() },
            adapter: if ask { self.adapter(dialogue)? } else { self.adapter.clone() },
            desktop: match self.desktop {
                None if !ask => None,
                Some(_) | None => Some(self.desktop(dialogue)?),
            },
            socket: Path::new("/run/imp-client").is_dir().then(|| SOCKET.into()),
        };
        let config = setup::write(&path, &choices)?;
        output::say(&format!("Written: {}", path.display()));
        hand_over(context.state.root())?;
        self.try_lock(&config, dialogue).await?;
        let checks = doctor::examine(&config, &context.state, Arc::new(SystemClock)).await;
        hand_over(context.state.root())?;
        let well = super::doctor::report(&checks);
        output::say(if well {
            "This workstation is ready: `systemctl enable --now imp-client`"
        } else {
            "Not ready yet: see what is WRONG above, and run this again; nothing is lost."
        });
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    /// Until the server has taken this machine; an invitation that is not accepted is asked for again.
    async fn enrol(
        &self,
        context: &Context,
        dialogue: &mut Dialogue<impl BufRead>,
    ) -> Result<(), Failure> {
        let mut given = self.invitation.clone();
        loop {
            if let Some(stored) = StoredCredentials::read(&context.state)? {
                output::say(&format!("Enrolled as “{}” at {}.", stored.name, stored.server));
                return Ok(());
            }
            let invitation = match given.take() {
                Some(invitation) => invitation,
                None => dialogue.ask(
                    "The invitation (`imp-server workstation add NAME` prints it)",
                    None,
                    |text| text.parse::<InvitationUri>().map_err(|error| error.to_string()),
                )?,
            };
            let keystore = context.config.keystore(&context.state);
            let keystore = tokio::task::spawn_blocking(move || keystore.open()).await??;
            let clock = Arc::new(SystemClock);
            match enrol_machine(&context.state, keystore, &invitation, false, clock).await {
                Ok(_) => {}
                Err(error) if dialogue.asks() => output::complain_with_causes(&error),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn camera(&self, dialogue: &mut Dialogue<impl BufRead>) -> Result<Option<PathBuf>, Failure> {
        if self.camera.is_some() {
            return Ok(self.camera.clone());
        }
        let found = setup::cameras(Path::new("/"));
        Ok(dialogue.choose("The camera", &found)?.map(PathBuf::from))
    }

    fn adapter(&self, dialogue: &mut Dialogue<impl BufRead>) -> Result<Option<String>, Failure> {
        if self.adapter.is_some() {
            return Ok(self.adapter.clone());
        }
        dialogue.choose("The Bluetooth adapter", &setup::adapters(Path::new("/")))
    }

    fn desktop(&self, dialogue: &mut Dialogue<impl BufRead>) -> Result<DesktopChoice, Failure> {
        let has_logind = Path::new("/run/systemd/seats").is_dir();
        let first = if has_logind { "logind" } else { "none" };
        let kind = match self.desktop {
            Some(kind) => kind,
            None => dialogue.ask("What is locked: logind or none", Some(first), |text| {
                DesktopKind::from_str(text, true)
            })?,
        };
        let shared = match kind {
            DesktopKind::None => return Ok(DesktopChoice::None),
            DesktopKind::Logind if !self.shared.is_empty() => self.shared.clone(),
            DesktopKind::Logind => dialogue.ask(
                "Local accounts in whose session everybody works, with spaces between (none: each her own)",
                Some(""),
                accounts,
            )?,
        };
        Ok(DesktopChoice::Logind { shared })
    }

    /// Locks the screen that is in front, and opens it again, if somebody wants to see it.
    async fn try_lock(
        &self,
        config: &ClientConfig,
        dialogue: &mut Dialogue<impl BufRead>,
    ) -> Result<(), Failure> {
        let desktop = config.desktop.open();
        if !dialogue.asks() || !desktop.controls() {
            return Ok(());
        }
        let yes = dialogue.ask(
            "Lock the screen now and open it again, to try it: yes or no",
            Some("no"),
            truth,
        )?;
        if !yes {
            return Ok(());
        }
        let tried = async {
            let front = desktop.sessions().await?.into_iter().find(|session| session.in_front);
            desktop.lock().await?;
            if let Some(front) = front {
                desktop.unlock(&front.account).await?;
            }
            Ok::<_, imp_hardware::desktop::DesktopError>(())
        };
        match tried.await {
            Ok(()) => output::say("The screen was locked and opened."),
            Err(error) => output::complain_with_causes(&error),
        }
        Ok(())
    }
}

fn accounts(text: &str) -> Result<Vec<String>, String> {
    let fits = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "._-$".contains(c));
    let names: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
    match names.iter().find(|name| !fits(name)) {
        Some(name) => Err(format!("{name:?} is not the name of an account")),
        None => Ok(names),
    }
}

fn truth(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err("yes or no?".to_owned()),
    }
}

/// What root has made in the agent's folder belongs to whose folder it is.
fn hand_over(folder: &Path) -> Result<(), Failure> {
    let owner = std::fs::metadata(folder)?;
    if !rustix::process::geteuid().is_root() || owner.uid() == 0 {
        return Ok(());
    }
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_symlink() {
                continue;
            }
            chown(entry.path(), Some(owner.uid()), Some(owner.gid()))?;
            if kind.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

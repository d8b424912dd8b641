//! `imp-client enrol machine`, `enrol sign-in` and `enrol person`
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use imp_api::Client;
use imp_api::admin::SignIn;
use imp_authenticator::InvitationUri;
use imp_authenticator::tls::{TrustAnchors, machine_to_server};
use imp_client::credentials::StoredCredentials;
use imp_client::enrolment::{EnrolCommand, Enrolled, Progress};
use imp_client::meeting::enrol_machine;
use imp_client::socket::{Answer, Connection, Request};
use imp_identity::Secret;
use imp_identity::clock::SystemClock;
use imp_identity::invitation::Code;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use super::{Context, Failure, output};

/// Longest code or token file that is read, in bytes.
const LONGEST: u64 = 4096;

/// What can be enrolled.
#[derive(Subcommand)]
pub(super) enum Enrol {
    /// Enrol this workstation with an invitation from an administrator.
    Machine {
        /// `imp:enrol?server=…&ca=…&code=…`
        invitation: InvitationUri,
        /// Enrol it anew, with a new key.
        #[arg(long)]
        replace: bool,
    },
    /// Sign an officer in with a one-time code, for `enrol person`.
    SignIn {
        /// A file with the code.
        #[arg(long)]
        code_file: PathBuf,
        /// Where the token is put, for the owner's eyes only.
        #[arg(long)]
        token: PathBuf,
    },
    /// Enrol a person: bind her phone, take her photographs. Run it again if it was interrupted.
    Person {
        /// What she signs in as.
        username: String,
        /// The file that `enrol sign-in` wrote.
        #[arg(long)]
        officer_token_file: PathBuf,
        /// The version of the notice that she read and agreed to.
        #[arg(long)]
        notice: String,
        /// Print each step as a line of JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Enrol {
    pub(super) async fn run(&self, context: Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Machine { invitation, replace } => machine(context, invitation, *replace).await,
            Self::SignIn { code_file, token } => sign_in(&context, code_file, token).await,
            Self::Person { username, officer_token_file, notice, json } => {
                let command = EnrolCommand {
                    username: username.clone(),
                    notice: notice.clone(),
                    officer_token: Secret::new(read(officer_token_file)?),
                };
                person(&context, command, *json).await
            }
        }
    }
}

async fn machine(
    context: Context,
    invitation: &InvitationUri,
    replace: bool,
) -> Result<ExitCode, Failure> {
    let keystore = context.config.keystore(&context.state);
    let keystore = tokio::task::spawn_blocking(move || keystore.open()).await??;
    let clock = Arc::new(SystemClock);
    let stored = enrol_machine(&context.state, keystore, invitation, replace, clock).await?;
    output::say(&format!(
        "This workstation is enrolled as “{}” ({}).",
        stored.name, stored.workstation
    ));
    output::say("Start the agent: imp-client agent");
    Ok(ExitCode::SUCCESS)
}

async fn sign_in(context: &Context, code_file: &Path, token: &Path) -> Result<ExitCode, Failure> {
    let stored = StoredCredentials::read(&context.state)?;
    let stored =
        stored.ok_or("this workstation is not enrolled: `imp-client enrol machine` comes first")?;
    let code: Code = read(code_file)?.parse()?;
    let credentials = stored.credentials;
    let anchors = TrustAnchors {
        trust_domain: credentials.spiffe_id.trust_domain,
        roots: credentials.trust_anchors.into_iter().map(|der| der.0).collect(),
    };
    let tls = machine_to_server(None, &anchors, Arc::new(SystemClock))?;
    let client = Client::new(&stored.server, tls)?;
    // A file that cannot be written must not cost the code.
    let mut file = fresh_file(token)?;
    let signed_in = client.sign_in(&SignIn { code, first_administrator: None }).await?;
    writeln!(file, "{}", signed_in.token.expose())?;
    file.sync_all()?;
    output::say(&format!("Signed in until {:.0}.", signed_in.expires_at));
    Ok(ExitCode::SUCCESS)
}

/// An empty file in the place of `path` that nobody else can read, or has open already: whatever was there, also a link, is replaced.
fn fresh_file(path: &Path) -> Result<File, Failure> {
    let name = path.file_name().ok_or_else(|| format!("{} is not a file", path.display()))?;
    let new = path.with_file_name(format!(".{}.new", name.to_string_lossy()));
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
    std::fs::rename(&new, path)?;
    Ok(file)
}

async fn person(context: &Context, command: EnrolCommand, json: bool) -> Result<ExitCode, Failure> {
    let request = Request::Enrol(command);
    let mut connection = Connection::ask(&context.socket(), &request).await?;
    loop {
        match connection.next().await? {
            Answer::Progress(progress) if json => output::say(&serde_json::to_string(&progress)?),
            Answer::Progress(progress) => print(&progress)?,
            Answer::Enrolled(enrolled) if json => {
                output::say(&serde_json::to_string(&enrolled)?);
                return Ok(ExitCode::SUCCESS);
            }
            Answer::Enrolled(enrolled) => {
                print_enrolled(&enrolled);
                return Ok(ExitCode::SUCCESS);
            }
            Answer::Failed { message } => {
                output::complain(&message);
                return Ok(ExitCode::from(1));
            }
            Answer::Hint { .. }
            | Answer::Frame(_)
            | Answer::Tap(_)
            | Answer::Status(_)
            | Answer::Entered(_)
            | Answer::Token(_)
            | Answer::Vouched { .. } => {
                return Err("the agent answered something else: is it of another version?".into());
            }
        }
    }
}

fn print(progress: &Progress) -> Result<(), Failure> {
    match progress {
        Progress::Opened { display_name, invitation, expires_at, resumed } => {
            let again = if *resumed { "Going on with the" } else { "The" };
            output::say(&format!("{again} enrolment of {display_name}, until {expires_at:.0}."));
            output::say("Let the phone scan this, or type it there:\n");
            output::say(&qr_code(invitation)?);
            output::say(&format!("  {invitation}\n"));
        }
        Progress::PhoneBound => output::say("The phone is bound. Look at the camera, please."),
        Progress::Again { hint } => output::say(&format!("Once more: {hint}")),
        Progress::Photographed { photographs } => {
            output::say(&format!("{photographs} good photographs."));
        }
        Progress::Trying => output::say("To be sure, look at the camera once more, please."),
        Progress::Signed => output::say("The server has signed the reference."),
        Progress::WaitingForPhone => {
            output::say("Hold the phone near, with Bluetooth switched on.");
        }
        Progress::Stored => output::say("The phone keeps the reference."),
    }
    Ok(())
}

fn print_enrolled(enrolled: &Enrolled) {
    output::say(&format!("{} is enrolled.", enrolled.display_name));
    if !enrolled.receipt_delivered {
        output::say(
            "The phone did not get its receipt; the enrolment is in the server's log all the same.",
        );
    }
}

/// A QR code of characters, dark on light also on a dark terminal.
fn qr_code(text: &str) -> Result<String, Failure> {
    let code = QrCode::new(text)?;
    Ok(code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .quiet_zone(true)
        .build())
}

/// The one word in a small file.
fn read(path: &Path) -> Result<String, Failure> {
    let open = File::open(path);
    let file = open.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_token_goes_to_a_file_that_nobody_else_can_read_or_has_open() {
        let folder = tempfile::tempdir().unwrap();
        let [token, link, elsewhere] =
            ["token", "link", "elsewhere"].map(|n| folder.path().join(n));
        for path in [&token, &elsewhere] {
            std::fs::write(path, "old").unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
        }
        symlink(&elsewhere, &link).unwrap();
        let mut watcher = File::open(&token).unwrap();
        for path in [&token, &link, &folder.path().join("new")] {
            fresh_file(path).unwrap().write_all(b"secret").unwrap();
            let metadata = std::fs::symlink_metadata(path).unwrap();
            assert!(metadata.is_file());
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
            assert_eq!(std::fs::read_to_string(path).unwrap(), "secret");
        }
        assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "old");
        let mut seen = String::new();
        watcher.read_to_string(&mut seen).unwrap();
        assert_eq!(seen, "old");
        assert!(fresh_file(folder.path()).is_err(), "a folder is left alone");
        assert!(folder.path().is_dir());
    }

    #[test]
    fn a_qr_code_holds_a_whole_invitation() {
        let ca = "0".repeat(64);
        let uri = format!(
            "imp:bind?server=https%3A%2F%2Fimp.hospital.example%3A8443&ca={ca}&code=AAAAA-AAAAA-AAAAA-AAAAA"
        );
        let drawn = qr_code(&uri).unwrap();
        let width = drawn.lines().next().unwrap().chars().count();
        // Two modules to a line, as many lines as half the width: it is square, and fits a terminal.
        assert_eq!(drawn.lines().count(), width.div_ceil(2));
        assert!(width <= 80, "{width}");
    }
}

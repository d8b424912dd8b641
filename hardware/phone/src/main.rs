//! `imp-phone`: the reference phone for Linux phones and small boards.
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use imp_api::phone_sign_in::SignInUri;
use imp_authenticator::InvitationUri;
use imp_identity::Clock as _;
use imp_identity::clock::SystemClock;
use imp_identity::name::Remark;
use imp_phone::{Bind, Config, Consent, Erase, Phone, ServeError, Serving, Told, explain};
use zeroizing_alloc::ZeroAlloc;

mod terminal;

use terminal::{Terminal, print, print_error};

/// Memory is wiped when it is freed: a template does not outlive its use, wherever it was copied to.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A phone that proves whose it is to the workstations of a hospital.
#[derive(Parser)]
#[command(name = "imp-phone", version)]
struct Command {
    /// The folder in which the phone keeps everything
    #[arg(long, env = "IMP_PHONE_STATE")]
    state: PathBuf,
    /// The configuration; phone.toml in the state folder if absent
    #[arg(long)]
    config: Option<PathBuf>,
    /// What is logged on standard error: error, warn, info, debug or trace
    #[arg(long, default_value = "warn")]
    log: tracing::Level,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make this phone somebody's, by the invitation of the enrolment desk
    Bind(BindArguments),
    /// Be a phone: answer workstations until stopped
    Run(RunArguments),
    /// Say whose phone this is and what is enrolled
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List what your face was used for, by the server's receipts and their proofs from its log
    Uses {
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Ask the server for its log and for every use, and check each: this also shows uses of which no receipt came
        #[arg(long)]
        verify: bool,
    },
    /// Write one receipt to a file, for somebody else to check against the hospital's log
    Receipt {
        /// The use's number in the log, as `uses` shows it
        index: u64,
        /// Where to
        file: PathBuf,
    },
    /// Say that a use was not you: the hospital opens a case
    Dispute {
        /// The use's number in the log, as `uses` shows it
        index: u64,
        /// What you want to add
        #[arg(long)]
        comment: Option<Remark>,
    },
    /// Sign a browser on: scan the code of its page, or type the text beside it
    SignIn {
        /// What the page shows: imp:sign-in?id=…
        text: SignInUri,
        /// The number that the page shows; asked for if absent
        #[arg(long)]
        number: Option<u8>,
    },
    /// Show what the hospital told you was done in your name, day by day
    Notices {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Destroy the enrolled face on this phone, and tell the server
    Erase {
        /// Forget the binding, the device key and the receipts too
        #[arg(long)]
        everything: bool,
        /// Forget them even if the server cannot be told
        #[arg(long, requires = "everything")]
        force: bool,
    },
    /// Look whether everything works
    Doctor,
}

#[derive(Args)]
struct BindArguments {
    /// What the QR code says: imp:bind?server=…&ca=…&code=…
    invitation: InvitationUri,
    /// Replace the binding that exists
    #[arg(long)]
    replace: bool,
    /// Use the emulated radio of this folder, and write that to the configuration
    #[cfg(feature = "emulator")]
    #[arg(long, value_name = "DIR")]
    radio_air: Option<PathBuf>,
}

#[derive(Args)]
struct RunArguments {
    /// Confirm each request on the phone: y or n on the terminal
    #[arg(long)]
    ask: bool,
    /// Play a dishonest, patched phone
    #[cfg(feature = "emulator")]
    #[arg(long, value_enum)]
    misbehave: Option<Misbehave>,
    /// The template that `swap-template` releases
    #[cfg(feature = "emulator")]
    #[arg(long, requires = "misbehave")]
    template_file: Option<PathBuf>,
}

#[cfg(feature = "emulator")]
#[derive(Clone, Copy, clap::ValueEnum)]
enum Misbehave {
    /// Answer with a recorded statement
    Replay,
    /// Release another template than the enrolled one
    SwapTemplate,
    /// Release the enrolled template with another key
    SwapKey,
    /// Sign for another workstation
    OtherWorkstation,
    /// Sign for another TLS session
    OtherExporter,
    /// Answer requests that have expired
    ExpiredRequest,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let command = Command::parse();
    tracing_subscriber::fmt().with_max_level(command.log).with_writer(std::io::stderr).init();
    #[cfg(feature = "emulator")]
    if let Some((_, point)) = std::env::vars().find(|(key, _)| key == "IMP_PHONE_ABORT_AT")
        && !imp_phone::crash::arm(&point)
    {
        print_error(&format!("imp-phone: there is no point {point} to abort at"));
        return ExitCode::from(2);
    }
    match act(command).await {
        Ok(code) => code,
        Err(error) => {
            print_error(&format!("imp-phone: {}", explain(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

async fn act(command: Command) -> Result<ExitCode, Failure> {
    let Command { state, config: file, action, .. } = command;
    #[cfg_attr(not(feature = "emulator"), expect(unused_mut, reason = "changed by the emulator"))]
    let mut config = Config::load(file.as_deref(), &state)?;
    let keystore = config.keystore(&state);
    let phone = Phone::open(&state, keystore.open()?)?;
    match action {
        Action::Bind(arguments) => {
            #[cfg(feature = "emulator")]
            if let Some(air) = &arguments.radio_air {
                config.radio = emulated(air, &state)?;
                config.save(&file.unwrap_or_else(|| Config::default_file(&state)))?;
            }
            bind(&phone, &arguments).await
        }
        Action::Run(arguments) => run(&phone, &config, arguments).await,
        Action::Status { json } => status(&phone, json),
        Action::Uses { json, verify: false } => uses(&phone, json),
        Action::Uses { json, verify: true } => verify(&phone, json).await,
        Action::Receipt { index, file } => receipt(&phone, index, &file),
        Action::Dispute { index, comment } => dispute(&phone, index, comment).await,
        Action::Notices { json } => notices(&phone, json).await,
        Action::SignIn { text, number } => sign_in(&phone, text, number).await,
        Action::Erase { everything, force } => erase(&phone, Erase { everything, force }).await,
        Action::Doctor => doctor(&phone, &config).await,
    }
}

async fn bind(phone: &Phone, arguments: &BindArguments) -> Result<ExitCode, Failure> {
    let how = Bind { replace: arguments.replace };
    let bound = phone.bind(&arguments.invitation, how, Arc::new(SystemClock)).await?;
    print(&format!("bound to {} by {}", bound.display_name, bound.server));
    print("next: `imp-phone run`, and let the desk take your picture");
    Ok(ExitCode::SUCCESS)
}

async fn run(phone: &Phone, config: &Config, arguments: RunArguments) -> Result<ExitCode, Failure> {
    // Said before the radio, which is in use then, says something less helpful.
    if phone.is_serving()? {
        return Err(ServeError::Serving.into());
    }
    let shutdown = terminal::shutdown()?;
    let screen = Arc::new(Terminal::new());
    let Some(peripheral) = terminal::open_radio(&config.radio, screen.as_ref(), &shutdown).await?
    else {
        return Ok(ExitCode::SUCCESS);
    };
    let consent = if arguments.ask { Consent::OnPhone } else { Consent::AtWorkstation };
    let serving = Serving::new(peripheral, Arc::new(SystemClock)).screen(screen).consent(consent);
    #[cfg(feature = "emulator")]
    let serving = match misbehaviour(&arguments)? {
        Some(misbehaviour) => serving.misbehaving(misbehaviour),
        None => serving,
    };
    phone.serve(serving, shutdown).await?;
    Ok(ExitCode::SUCCESS)
}

fn status(phone: &Phone, json: bool) -> Result<ExitCode, Failure> {
    let now = SystemClock.now();
    let status = phone.status(now)?;
    if json {
        print(&serde_json::to_string_pretty(&status)?);
    } else {
        print(status.summary(now, &jiff::tz::TimeZone::system()).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

fn uses(phone: &Phone, json: bool) -> Result<ExitCode, Failure> {
    let uses = phone.uses()?;
    if json {
        print(&serde_json::to_string_pretty(&uses)?);
    } else {
        print(uses.table(&jiff::tz::TimeZone::system()).trim_end());
    }
    Ok(if uses.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn verify(phone: &Phone, json: bool) -> Result<ExitCode, Failure> {
    let verified = phone.verify_uses(Arc::new(SystemClock)).await?;
    if json {
        print(&serde_json::to_string_pretty(&verified)?);
    } else {
        print(verified.table(&jiff::tz::TimeZone::system()).trim_end());
    }
    Ok(if verified.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn receipt(phone: &Phone, index: u64, file: &std::path::Path) -> Result<ExitCode, Failure> {
    let Some(receipt) = phone.receipt(index)? else {
        return Err(format!("this phone has no good receipt with the number {index}").into());
    };
    std::fs::write(file, receipt)?;
    print(
        "written; to check it: imp-server log verify-receipt FILE --key KEY, with the key of the log",
    );
    Ok(ExitCode::SUCCESS)
}

async fn dispute(phone: &Phone, index: u64, comment: Option<Remark>) -> Result<ExitCode, Failure> {
    let disputed = phone.dispute(index, comment, Arc::new(SystemClock)).await?;
    print(&format!("the hospital looks into it: case {}", disputed.number));
    Ok(ExitCode::SUCCESS)
}

async fn notices(phone: &Phone, json: bool) -> Result<ExitCode, Failure> {
    let told = phone.notices(Arc::new(SystemClock)).await?;
    if json {
        print(&serde_json::to_string_pretty(&told)?);
    } else if told.notices.is_empty() {
        print("no notices yet");
    }
    for notice in told.notices.iter().filter(|_| !json) {
        print(imp_phone::notice_lines(notice).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

async fn sign_in(phone: &Phone, text: SignInUri, number: Option<u8>) -> Result<ExitCode, Failure> {
    let request = phone.sign_in_request(text, Arc::new(SystemClock)).await?;
    print(&format!("a browser wants to sign in to {}", request.application));
    print(&format!("its address bar must begin with {}", request.origin));
    let numbers: Vec<_> = request.numbers.iter().map(u8::to_string).collect();
    let ask = || {
        print(&format!(
            "which number does it show: {}? Anything else: none, or it is not your browser",
            numbers.join(", ")
        ));
        terminal::read_line().and_then(|line| line.trim().parse().ok())
    };
    let shown = number.or_else(ask).filter(|number| request.numbers.contains(number));
    let Some(shown) = shown else {
        request.refuse().await?;
        print("the sign-in is refused, and the security team can see that");
        return Ok(ExitCode::FAILURE);
    };
    request.agree(shown, &SystemClock).await?;
    print("signed: the browser goes on");
    Ok(ExitCode::SUCCESS)
}

async fn erase(phone: &Phone, how: Erase) -> Result<ExitCode, Failure> {
    let erased = phone.erase(how, Arc::new(SystemClock)).await?;
    print(if erased.reference {
        "your face is erased from this phone, and the key that sealed it is destroyed"
    } else {
        "there was no face on this phone"
    });
    match &erased.told {
        Told::Nothing => {}
        Told::Now => print("the server has been told"),
        Told::NotYet(reason) => print(&format!(
            "the server could not be told ({reason}): this phone tells it when it runs"
        )),
    }
    match &erased.revoked {
        Told::Nothing => {}
        Told::Now => print("the server accepts this phone no longer"),
        Told::NotYet(reason) => {
            print(&format!("the server could not be asked to revoke this phone ({reason})"));
        }
    }
    if how.everything && !erased.everything {
        print(
            "the binding is kept so that the server can be told: repeat this when it can be reached, or add --force",
        );
        return Ok(ExitCode::FAILURE);
    }
    if erased.everything {
        print("binding, device key and receipts are gone: this phone is nobody's");
    }
    Ok(ExitCode::SUCCESS)
}

async fn doctor(phone: &Phone, config: &Config) -> Result<ExitCode, Failure> {
    let mut well = true;
    let radio = match config.radio.open().await {
        Ok(_) => Ok("opens".to_owned()),
        Err(error) => Err(explain(&error)),
    };
    let mut findings = phone.examine(Arc::new(SystemClock)).await;
    findings.push(imp_phone::Finding { what: "radio", result: radio });
    for finding in findings {
        well &= finding.result.is_ok();
        print(&match finding.result {
            Ok(good) => format!("well   {}: {good}", finding.what),
            Err(bad) => format!("WRONG  {}: {bad}", finding.what),
        });
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(feature = "emulator")]
fn emulated(
    air: &std::path::Path,
    state: &std::path::Path,
) -> Result<imp_hardware::ble::PeripheralConfig, Failure> {
    std::fs::create_dir_all(air)?;
    let name = state.canonicalize()?.file_name().map(|name| name.to_string_lossy().into_owned());
    let air = air.canonicalize()?;
    Ok(imp_hardware::ble::PeripheralConfig::Emulated { air, name, record: false })
}

#[cfg(feature = "emulator")]
fn misbehaviour(arguments: &RunArguments) -> Result<Option<imp_phone::Misbehaviour>, Failure> {
    let template = match &arguments.template_file {
        Some(file) => Some(std::fs::read(file)?.into()),
        None => None,
    };
    Ok(arguments.misbehave.map(|misbehave| match misbehave {
        Misbehave::Replay => imp_phone::Misbehaviour::Replay,
        Misbehave::SwapTemplate => imp_phone::Misbehaviour::SwapTemplate { template },
        Misbehave::SwapKey => imp_phone::Misbehaviour::SwapKey,
        Misbehave::OtherWorkstation => imp_phone::Misbehaviour::OtherWorkstation,
        Misbehave::OtherExporter => imp_phone::Misbehaviour::OtherExporter,
        Misbehave::ExpiredRequest => imp_phone::Misbehaviour::ExpiredRequest,
    }))
}

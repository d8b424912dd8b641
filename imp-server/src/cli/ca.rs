//! `ca`
use std::fs;
use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use imp_identity::{Digest, Event, Secret};
use imp_pki::{Certificate, Issuer};
use serde::Serialize;

use super::account;
use super::output::{self, Failure, failure};
use crate::app::{self, App};
use crate::ca::pem;
use crate::ca::root::RootSource;
use crate::ca::token::{Token, TokenAddress};
use crate::command;
use crate::config::Config;
use crate::store::Tables as _;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 64 * 1024;

/// What to do with the certificate authorities.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the root and the issuing authorities.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a new issuing authority, which issues from now on. What the old one issued goes on counting.
    NewIssuing {
        #[command(flatten)]
        root: Root,
    },
    /// Sign another installation's issuing authority by this root, so that whoever trusts this root trusts it: prints the
    /// certificate in PEM.
    CrossSign {
        /// That authority's certificate, in PEM.
        certificate: PathBuf,
        #[command(flatten)]
        root: Root,
    },
    /// Hand out, with what an issuing authority of ours signs, the certificate by which another root vouches for it.
    AddCross {
        /// The certificate, in PEM.
        certificate: PathBuf,
    },
    /// Retire an issuing authority: its key is removed, and nobody says any more whether its certificates count.
    Retire {
        /// Its digest, or the beginning of it.
        authority: String,
        /// Also while certificates of it count.
        #[arg(long)]
        now: bool,
    },
    /// Seal the root's key by a passphrase into a file, to be kept elsewhere, and take it out of the folder of the keys.
    SealRoot {
        /// The new file.
        #[arg(long)]
        to: PathBuf,
        /// The file of the passphrase; `-` reads it from stdin.
        #[arg(long, default_value = "-")]
        passphrase_file: PathBuf,
    },
    /// Move the root's key into a PKCS#11 token, and take it out of the folder of the keys.
    MoveRoot {
        #[command(flatten)]
        token: TokenArguments,
    },
}

/// Where the root's key is, unless it is in the folder of the keys.
#[derive(Debug, Args)]
pub(super) struct Root {
    /// The file in which it is sealed.
    #[arg(long = "root", value_name = "FILE", id = "root", conflicts_with = "module")]
    sealed: Option<PathBuf>,
    /// The file of the passphrase that opens it; `-` reads it from stdin.
    #[arg(long, value_name = "FILE", default_value = "-", requires = "root")]
    passphrase_file: PathBuf,
    /// The PKCS#11 module of the token that has it.
    #[arg(long, value_name = "FILE", requires = "token")]
    module: Option<PathBuf>,
    /// The token's label.
    #[arg(long, value_name = "LABEL", requires = "module")]
    token: Option<String>,
    /// The file of the token's PIN; `-` reads it from stdin.
    #[arg(long, value_name = "FILE", default_value = "-", requires = "module")]
    pin_file: PathBuf,
}

/// A token.
#[derive(Debug, Args)]
pub(super) struct TokenArguments {
    /// Its PKCS#11 module, such as /usr/lib/softhsm/libsofthsm2.so.
    #[arg(long, value_name = "FILE")]
    module: PathBuf,
    /// Its label.
    #[arg(long, value_name = "LABEL")]
    token: String,
    /// The file of its PIN; `-` reads it from stdin.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pin_file: PathBuf,
}

/// An authority, as it is shown.
#[derive(Serialize)]
struct Shown {
    role: &'static str,
    digest: Digest,
    subject: String,
    expires_at: jiff::Timestamp,
    /// Certificates that count; of the root, nobody counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificates: Option<i64>,
    cross_signed: usize,
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    match command {
        Command::Status { json } => status(&app, json).await,
        Command::NewIssuing { root } => {
            let root = open_root(&app, root)?;
            let made = app.keys.new_issuing(&root, app.now(), &mut app::rng())?;
            // It issues nothing before its entry is in the log.
            record(&app, &made.certificate, |certificate, subject| Event::AuthorityMade {
                certificate,
                subject,
            })
            .await?;
            let made = app.keys.put_in_force(made)?;
            Ok(output::line(format!("{} issues from now on ({})", made.subject(), made.digest()))?)
        }
        Command::CrossSign { certificate, root } => cross_sign(&app, &certificate, root).await,
        Command::AddCross { certificate } => {
            let added = app.keys.add_cross(read_certificate(&certificate)?.into_der())?;
            record(&app, &added, cross_signed).await?;
            Ok(output::line(format!("handing out {}", added.digest()))?)
        }
        Command::Retire { authority, now } => retire(&app, &authority, now).await,
        Command::SealRoot { to, passphrase_file } => {
            let passphrase = secret(&passphrase_file, "passphrase")?;
            app.keys.seal_root(&to, &passphrase, &mut app::rng())?;
            output::line(format!("the root's key is in {} and nowhere else", to.display()))?;
            Ok(output::line("keep it away from this server, and a copy of it somewhere else")?)
        }
        Command::MoveRoot { token } => {
            let TokenArguments { module, token: label, pin_file } = token;
            let pin = secret(&pin_file, "PIN")?;
            let key = app.keys.root_key()?;
            let key =
                key.ok_or_else(|| failure("the root's key is not in the folder of the keys"))?;
            Token::store(&TokenAddress { module, label, pin }, &key)?;
            app.keys.forget_root_key()?;
            Ok(output::line("the root's key is in the token and nowhere else")?)
        }
    }
}

fn cross_signed(certificate: Digest, subject: String) -> Event {
    Event::AuthorityCrossSigned { certificate, subject }
}

async fn record(
    app: &App,
    certificate: &Certificate,
    event: impl FnOnce(Digest, String) -> Event,
) -> Result<(), Failure> {
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    Ok(command::record_authority(context, &account::operator(), event, certificate).await?)
}

async fn status(app: &App, json: bool) -> Result<(), Failure> {
    let root = app.keys.root();
    let mut all = vec![Shown {
        role: if app.keys.root_key()?.is_some() { "root" } else { "root, off line" },
        digest: root.digest(),
        subject: root.subject().to_owned(),
        expires_at: root.expires_at(),
        certificates: None,
        cross_signed: 0,
    }];
    let issuing = app.keys.issuing().digest;
    for authority in app.keys.issuers() {
        let mut reading = app.storage.read().await?;
        let counting = reading.certificates().counting(&authority.digest, app.now()).await?;
        all.push(Shown {
            role: if authority.digest == issuing { "issues" } else { "issued" },
            digest: authority.digest,
            subject: authority.certificate.subject().to_owned(),
            expires_at: authority.certificate.expires_at(),
            certificates: Some(counting),
            cross_signed: authority.crosses.len(),
        });
    }
    if json {
        return output::json(&all);
    }
    for Shown { role, digest, subject, expires_at, certificates, cross_signed } in all {
        let counting =
            certificates.map_or_else(String::new, |n| format!(", {n} certificates count"));
        let crosses = if cross_signed == 0 { "" } else { ", cross-signed" };
        output::line(format!(
            "{role:<14} {digest}  {subject}, until {expires_at:.0}{counting}{crosses}"
        ))?;
    }
    Ok(())
}

async fn cross_sign(app: &App, file: &Path, root: Root) -> Result<(), Failure> {
    let other = read_certificate(file)?;
    let root = open_root(app, root)?;
    let signed = root.cross_sign(&other, app.now(), &mut app::rng())?;
    record(app, &signed, cross_signed).await?;
    Ok(output::text(&pem::encode("CERTIFICATE", signed.der()))?)
}

async fn retire(app: &App, text: &str, now: bool) -> Result<(), Failure> {
    let wanted = |digest: &Digest| text.len() >= 8 && digest.to_string().starts_with(text);
    let found = app.keys.issuers().into_iter().find(|authority| wanted(&authority.digest));
    let found = found.ok_or_else(|| failure("there is no such issuing authority"))?;
    let mut reading = app.storage.read().await?;
    let counting = reading.certificates().counting(&found.digest, app.now()).await?;
    drop(reading);
    if counting > 0 && !now {
        let text = format!(
            "{counting} certificates of this authority count, and nobody would say any more whether they do: wait until \
            they have expired, or say --now"
        );
        return Err(failure(text));
    }
    let retired = app.keys.retire_authority(&found.digest)?;
    record(app, &retired, |certificate, subject| Event::AuthorityRetired { certificate, subject })
        .await?;
    Ok(output::line(format!("retired {}", retired.subject()))?)
}

fn open_root(app: &App, root: Root) -> Result<Issuer, Failure> {
    let source = match (root.sealed, root.module, root.token) {
        (Some(file), _, _) => {
            let passphrase = secret(&root.passphrase_file, "passphrase")?;
            RootSource::Sealed { file, passphrase }
        }
        (None, Some(module), Some(label)) => {
            let pin = secret(&root.pin_file, "PIN")?;
            let address = TokenAddress { module, label, pin };
            let token = Token::open(&address, app.keys.root().public_key())?;
            RootSource::External(Box::new(token))
        }
        (None, _, _) => RootSource::Folder,
    };
    Ok(app.keys.open_root(source)?)
}

/// The first line of a file, or of stdin.
fn secret(file: &Path, what: &str) -> Result<Secret<String>, Failure> {
    let mut text = zeroize::Zeroizing::new(String::new());
    if file == Path::new("-") {
        if std::io::stdin().is_terminal() {
            output::note(format!("{what} (it is seen as you type; then Enter):"))?;
            std::io::stdin().read_line(&mut text)?;
        } else {
            std::io::stdin().take(LARGEST).read_to_string(&mut text)?;
        }
    } else {
        fs::File::open(file)?.take(LARGEST).read_to_string(&mut text)?;
    }
    let first = text.lines().next().unwrap_or_default();
    if first.is_empty() {
        return Err(failure(format!("no {what} was given")));
    }
    Ok(Secret::new(first.to_owned()))
}

fn read_certificate(file: &Path) -> Result<Certificate, Failure> {
    let mut text = vec![];
    fs::File::open(file)?.take(LARGEST).read_to_end(&mut text)?;
    let expected = || failure(format!("{} is not a certificate in PEM", file.display()));
    let der = pem::certificate(&text).ok_or_else(expected)?;
    Certificate::parse(der).map_err(|_| expected())
}

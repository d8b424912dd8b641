//! `stream`
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use imp_api::stream::{CreateStream, EventStream, NatsTarget, SyslogTarget};
use imp_identity::event::{Delivery, StreamStatus};
use imp_identity::name::{Label, Remark};
use imp_identity::{Secret, StreamId};

use super::output::{self, Failure, failure};
use super::{account, receiver};
use crate::app::{self, App};
use crate::command::{self, Author};
use crate::config::Config;
use crate::http::streams::list;
use crate::store::Tables as _;
use crate::stream::wish;

/// What to do with streams of events.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a stream of events to another system.
    #[command(subcommand)]
    Add(Box<Add>),
    /// List streams, and how far each has come.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Stop delivering; what happens meanwhile is delivered later.
    Pause(Status),
    /// Go on delivering.
    Resume(Status),
    /// Stop delivering; what happens meanwhile is never delivered.
    Disable(Status),
    /// Deliver again everything from an index on.
    Replay {
        /// Its name or identifier.
        stream: String,
        /// The index of the first entry.
        from: u64,
    },
    /// Delete a stream.
    Remove {
        /// Its name or identifier.
        stream: String,
    },
}

/// Another status.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// Its name or identifier.
    stream: String,
    /// Why.
    #[arg(long)]
    reason: Option<Remark>,
}

/// What kind of stream.
#[derive(Debug, Subcommand)]
pub(super) enum Add {
    /// Security event tokens, pushed (RFC 8935).
    Push {
        #[command(flatten)]
        common: Common,
        /// Where to push to: https://…
        endpoint: String,
        /// File with the value of the `Authorization` header, such as `Bearer …`.
        #[arg(long, value_name = "FILE")]
        authorization_file: Option<PathBuf>,
    },
    /// Security event tokens, fetched by a receiver (RFC 8936).
    Poll {
        #[command(flatten)]
        common: Common,
        /// Whose token it is polled with: name or identifier.
        #[arg(long)]
        receiver: String,
    },
    /// JSON, posted and signed (Standard Webhooks).
    Webhook {
        #[command(flatten)]
        common: Common,
        /// Where to post to: https://…
        endpoint: String,
        /// File with the secret, `whsec_…`; without it, one is made and printed.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Messages on NATS `JetStream`, on subjects `imp.events.<type>`.
    Nats(Nats),
    /// Audit messages in syslog over TLS (RFC 5425).
    Syslog {
        #[command(flatten)]
        common: Common,
        /// The receiver's name, as its certificate says.
        server: String,
        /// Its port.
        #[arg(long, default_value_t = 6514)]
        port: u16,
        /// The longest message that it takes whole, in bytes.
        #[arg(long, default_value_t = 8192)]
        largest: u32,
    },
}

/// A stream to NATS.
#[derive(Debug, Args)]
pub(super) struct Nats {
    #[command(flatten)]
    common: Common,
    /// `tls://host:port`, one or more of one cluster.
    #[arg(required = true)]
    servers: Vec<String>,
    /// The `JetStream` stream.
    #[arg(long, default_value = "IMP_EVENTS")]
    stream: String,
    /// Create the stream if it is missing.
    #[arg(long)]
    create: bool,
    /// Who logs in.
    #[arg(long, requires = "password_file")]
    user: Option<String>,
    /// File with the user's password.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// File with a token.
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    token_file: Option<PathBuf>,
    /// Credentials file (JWT and nkey).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user", "token_file"])]
    credentials: Option<PathBuf>,
}

/// What every stream has.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// As people call it.
    name: Label,
    /// Types of events, with commas; every type without it.
    #[arg(long, value_delimiter = ',')]
    kinds: Vec<String>,
    /// How events are written: set, json, fhir, ocsf, cef or atna.
    #[arg(long)]
    form: Option<String>,
    /// `aud` of tokens.
    #[arg(long)]
    audience: Option<String>,
    /// The index of the first entry; the next that is appended without it.
    #[arg(long)]
    from: Option<u64>,
    /// File with certificates that are trusted instead of the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// File with a client certificate and its chain.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// File with the client certificate's key.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let app = super::open(config).await?;
    match command {
        Command::Add(add) => make(&app, *add).await,
        Command::List { json } => show(&app, json).await,
        Command::Pause(status) => set(&app, status, StreamStatus::Paused).await,
        Command::Resume(status) => set(&app, status, StreamStatus::Enabled).await,
        Command::Disable(status) => set(&app, status, StreamStatus::Disabled).await,
        Command::Replay { stream, from } => replay(&app, &stream, from).await,
        Command::Remove { stream } => remove(&app, &stream).await,
    }
}

async fn make(app: &App, add: Add) -> Result<(), Failure> {
    let mut rng = app::rng();
    let wish::Wish { new, secret } = wish::read(body(app, add).await?, &mut rng)?;
    let author = Author::administrator(account::operator());
    let context = &mut app.context(&mut rng);
    let stream = command::create_stream(context, &author, &app.streams, new).await?;
    output::line(format!("made stream {} ({})", stream.name, stream.id))?;
    if stream.delivery == Delivery::Poll {
        output::line(format!("to be polled at {}/ssf/poll/{}", app.url, stream.id))?;
    }
    if let Some(secret) = secret {
        output::line("the receiver verifies with this secret, which is not shown again:")?;
        output::line(secret.expose())?;
    }
    Ok(())
}

async fn body(app: &App, add: Add) -> Result<CreateStream, Failure> {
    match add {
        Add::Push { common, endpoint, authorization_file } => {
            let authorization = secret(authorization_file.as_deref())?;
            Ok(CreateStream {
                endpoint: Some(endpoint),
                authorization,
                ..common.body(Delivery::Push)?
            })
        }
        Add::Poll { common, receiver } => {
            let receiver = Some(receiver::find(app, &receiver).await?.id);
            Ok(CreateStream { receiver, ..common.body(Delivery::Poll)? })
        }
        Add::Webhook { common, endpoint, secret_file } => {
            let secret = secret(secret_file.as_deref())?;
            let body = common.body(Delivery::Webhook)?;
            Ok(CreateStream { endpoint: Some(endpoint), secret, ..body })
        }
        Add::Nats(nats) => nats.body(),
        Add::Syslog { common, server, port, largest } => {
            let syslog = SyslogTarget { server, port: Some(port), largest: Some(largest) };
            Ok(CreateStream { syslog: Some(syslog), ..common.body(Delivery::Syslog)? })
        }
    }
}

impl Nats {
    fn body(self) -> Result<CreateStream, Failure> {
        let nats = NatsTarget {
            servers: self.servers,
            stream: Some(self.stream),
            create: self.create,
            user: self.user,
            password: secret(self.password_file.as_deref())?,
            token: secret(self.token_file.as_deref())?,
            credentials: secret(self.credentials.as_deref())?,
        };
        Ok(CreateStream { nats: Some(nats), ..self.common.body(Delivery::Nats)? })
    }
}

impl Common {
    fn body(self, delivery: Delivery) -> Result<CreateStream, Failure> {
        Ok(CreateStream {
            name: self.name,
            delivery,
            endpoint: None,
            authorization: None,
            secret: None,
            receiver: None,
            nats: None,
            syslog: None,
            ca: self.ca.as_deref().map(content).transpose()?,
            certificate: self.certificate.as_deref().map(content).transpose()?,
            key: secret(self.key.as_deref())?,
            kinds: self.kinds,
            form: self.form,
            audience: self.audience,
            from: self.from,
        })
    }
}

async fn show(app: &App, json: bool) -> Result<(), Failure> {
    let origin = app.keys.log_key().verifier_key().name();
    for state in command::list_streams(&app.storage, origin).await? {
        let stream = list::stream(app, state);
        if json {
            output::json_line(&stream)?;
        } else {
            output::line(line(&stream))?;
        }
    }
    Ok(())
}

fn line(stream: &EventStream) -> String {
    let EventStream { id, name, delivery, form, status, behind, set_aside, .. } = stream;
    let destination = stream.destination.as_deref().unwrap_or("-");
    let mut line = format!(
        "{:<20} {:<8} {:<5} {:<9} {behind:>7} behind  {destination}  {id}",
        name.as_str(),
        delivery.code(),
        form,
        status.code()
    );
    if *set_aside > 0 {
        line.extend(["  ", &set_aside.to_string(), " set aside"]);
    }
    if let Some(error) = &stream.last_error {
        line.extend(["  because ", error]);
    }
    line
}

async fn set(app: &App, to: Status, status: StreamStatus) -> Result<(), Failure> {
    let id = find(app, &to.stream).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let author = Author::administrator(account::operator());
    let stream = command::set_stream_status(context, &author, id, status, to.reason).await?;
    Ok(output::line(format!("stream {} is {}", stream.name, stream.status))?)
}

async fn replay(app: &App, stream: &str, from: u64) -> Result<(), Failure> {
    let id = find(app, stream).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    command::replay_stream(context, account::operator(), id, from).await?;
    Ok(output::line(format!("stream {stream} begins again at {from}"))?)
}

async fn remove(app: &App, stream: &str) -> Result<(), Failure> {
    let id = find(app, stream).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let author = Author::administrator(account::operator());
    command::delete_stream(context, &author, id).await?;
    Ok(output::line(format!("removed stream {stream}"))?)
}

/// By identifier or by name.
async fn find(app: &App, stream: &str) -> Result<StreamId, Failure> {
    if let Ok(id) = stream.parse() {
        return Ok(id);
    }
    let name: Label = stream.parse()?;
    let found = app.storage.read().await?.streams().find_name(&name).await?;
    let found = found.ok_or_else(|| failure(format!("there is no stream `{stream}`")))?;
    Ok(found.stream.id)
}

/// What a file holds.
fn content(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path);
    text.map_err(|error| failure(format!("cannot read {}: {error}", path.display())))
}

/// A secret from a file: on the command line, others of this machine would see it.
fn secret(path: Option<&Path>) -> Result<Option<Secret<String>>, Failure> {
    let Some(path) = path else { return Ok(None) };
    Ok(Some(Secret::new(content(path)?.trim_end().to_owned())))
}

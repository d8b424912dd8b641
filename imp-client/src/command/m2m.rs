//! `imp-client m2m sign` and `m2m verify`
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use imp_client::m2m::{FileToSign, FileToVerify, sign_file, verify_file};
use imp_identity::Clock as _;
use imp_identity::clock::SystemClock;
use imp_identity::spiffe::SpiffeId;
use imp_message::{Order, Stream};
use jiff::SignedDuration;
use serde_json::json;

use super::{Context, Failure, machine, output};

/// What can be done with messages that are files.
#[derive(Subcommand)]
pub(super) enum M2m {
    /// Sign a file as this machine: the signature is put beside it, as FILE.jws.
    Sign {
        /// The file.
        file: PathBuf,
        /// The machine that it is for: spiffe://…
        #[arg(long, value_name = "MACHINE")]
        to: SpiffeId,
        /// Among which files it has its place.
        #[arg(long, default_value = "files")]
        stream: Stream,
        /// Its media type.
        #[arg(long, default_value = "application/octet-stream", value_name = "TYPE")]
        content_type: String,
    },
    /// Say whether a file is what a machine sent to this one: 0 if it is, 1 if it is refused.
    Verify {
        /// The file.
        file: PathBuf,
        /// Its signature; FILE.jws, if absent.
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,
        /// Who may have sent it; any machine of the installation, if absent.
        #[arg(long, value_name = "MACHINE")]
        from: Vec<SpiffeId>,
        /// Seconds that it may be old; as old as it likes, if absent.
        #[arg(long, value_name = "SECONDS")]
        max_age: Option<u32>,
        /// Look only: what was accepted before is not refused, and what is accepted is not remembered.
        #[arg(long)]
        look: bool,
        /// Refuse a file that was signed before one of its stream that was accepted already.
        #[arg(long, conflicts_with = "look")]
        in_order: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl M2m {
    pub(super) async fn run(&self, context: &Context) -> Result<ExitCode, Failure> {
        let device = machine::device(context).await?;
        let now = SystemClock.now();
        match self {
            Self::Sign { file, to, stream, content_type } => {
                let file = FileToSign {
                    path: file,
                    receiver: to.clone(),
                    stream: stream.clone(),
                    content_type: content_type.clone(),
                };
                let signature = sign_file(&context.state, &device, &file, now)?;
                output::say(&signature.display().to_string());
                Ok(ExitCode::SUCCESS)
            }
            Self::Verify { file, signature, from, max_age, look, in_order, json } => {
                let file = FileToVerify {
                    path: file,
                    signature: signature.as_deref(),
                    senders: from,
                    oldest: max_age.map(|seconds| SignedDuration::from_secs(seconds.into())),
                    once: !look,
                    order: if *in_order { Order::Strict } else { Order::Any },
                };
                let verdict = verify_file(&context.state, &device, &file, now)?;
                match verdict {
                    Ok(authentic) => {
                        let message = authentic.message();
                        if *json {
                            output::say_json(&json!({
                                "accepted": true, "sender": message.sender, "stream": message.stream,
                                "sequence": message.sequence, "at": message.at,
                                "content_type": message.content_type, "digest": authentic.digest(),
                                "assurance": message.assurance,
                            }))?;
                        } else {
                            let (sender, sequence) = (&message.sender, message.sequence);
                            let (at, stream) = (message.at, &message.stream);
                            output::say(&format!(
                                "sent by {sender} at {at:.0} as {stream} {sequence}"
                            ));
                        }
                        Ok(ExitCode::SUCCESS)
                    }
                    Err(refused) => {
                        let (reason, because) = (refused.reason.code(), &refused.because);
                        if *json {
                            output::say_json(&json!({
                                "accepted": false, "reason": reason, "because": because,
                                "sender": refused.sender,
                            }))?;
                        } else {
                            output::complain(&format!("refused, {reason}: {because}"));
                        }
                        Ok(ExitCode::from(1))
                    }
                }
            }
        }
    }
}

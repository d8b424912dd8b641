//! `witness`
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use imp_service::Shutdown;
use imp_translog::VerifierKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::output::{self, Failure};
use crate::witness::{Keeper, WitnessServer};

/// Which witness.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folder of the key and of the latest checkpoints; made at the first start. Never copy it to a second witness.
    #[arg(long, value_name = "DIR")]
    folder: PathBuf,
    /// Name of the witness, such as witness.example/w1: part of its key.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Public key of a log to watch, as `imp-server log key` prints it; several are possible.
    #[arg(long = "log", value_name = "VKEY")]
    logs: Vec<VerifierKey>,
    /// Address and port to listen on; without it, only the witness's own public key is printed.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Certificates in PEM, to speak HTTPS. Neither side relies on it: checkpoints and cosignatures are signed.
    #[arg(long, value_name = "FILE", requires = "private_key")]
    certificates: Option<PathBuf>,
    /// Private key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "certificates")]
    private_key: Option<PathBuf>,
}

/// Runs it until SIGTERM or SIGINT.
pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let tls = tls(&arguments)?;
    let keeper = Keeper::open(&arguments.folder, &arguments.name, arguments.logs)?;
    output::line(format!("witness key {}", keeper.verifier_key()))?;
    let Some(listen) = arguments.listen else { return Ok(()) };
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let server = WitnessServer::start(keeper, listen, tls, super::clock(), shutdown).await?;
    output::line(format!("listening on {scheme}://{}", server.address()))?;
    Ok(server.stopped().await?)
}

fn tls(arguments: &Arguments) -> Result<Option<TlsAcceptor>, Failure> {
    let (Some(certificates), Some(key)) = (&arguments.certificates, &arguments.private_key) else {
        return Ok(None);
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificates)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

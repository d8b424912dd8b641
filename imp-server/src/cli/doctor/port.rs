//! The port: free, or this installation's own server listens on it.
use std::io::ErrorKind;
use std::net::TcpListener;

use imp_api::Client;
use imp_authenticator::tls::first_meeting;

use super::{Finding, chain};
use crate::ca::Keys;
use crate::config::Config;

pub(super) async fn check(config: &Config, keys: Option<&Keys>) -> Finding {
    let address = config.http.listen;
    match TcpListener::bind(address) {
        Ok(_) => Finding::well(format!("{address} is free: no server runs")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let what =
                format!("something else than this installation's server listens on {address}");
            let mend = "stop it, or set http.listen to another port";
            let Some(keys) = keys else { return Finding::wrong(what, mend) };
            match ask(config, keys).await {
                Ok(()) => Finding::well(format!("this installation's server answers on {address}")),
                Err(error) => Finding::wrong(format!("{what}: {}", chain(error.as_ref())), mend),
            }
        }
        Err(error) => {
            let mend =
                "set http.listen to an address of this machine and a port that the account may use";
            Finding::wrong(format!("cannot listen on {address}: {error}"), mend)
        }
    }
}

/// Whether a server answers whose certificate is of our root.
async fn ask(config: &Config, keys: &Keys) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let tls = first_meeting(keys.fingerprint(), super::super::clock())?;
    let mut address = config.http.listen;
    if address.ip().is_unspecified() {
        address.set_ip([127, 0, 0, 1].into());
    }
    let client = Client::new(&format!("https://{address}"), tls)?;
    client.get::<serde_json::Value>("v1/openapi.json").await?;
    Ok(())
}

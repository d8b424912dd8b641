//! Who asks.
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use data_encoding::BASE64;
use imp_authenticator::Peer;
use imp_authenticator::tls::{Manufactured, Newcomer};
use imp_identity::Digest;
use imp_identity::device::{Device, EnrolmentMeans};
use imp_identity::invitation::Code;
use imp_identity::spiffe::Machine;

use super::NewcomerPeer;
use super::refusal::Refused;
use crate::app::{self, App};
use crate::command::{self, AcceptDeviceCodeError};
use crate::store::Tables as _;

/// The longest header with a name and a code that is read, in bytes.
const LONGEST: usize = 512;

/// What the caller has shown.
pub(super) struct Shown {
    /// By TLS.
    pub(super) peer: Option<NewcomerPeer>,
    /// By HTTP Basic authentication (RFC 7617).
    basic: Option<Basic>,
}

/// A name and a one-time code; `None` if the header cannot be read.
type Basic = Option<(String, Code)>;

/// A device that has shown enough to be given a certificate.
pub(super) struct Known {
    pub(super) device: Device,
    pub(super) means: EnrolmentMeans,
    /// The certificate of ours that it has shown.
    pub(super) certificate: Option<Vec<u8>>,
}

impl Shown {
    /// What the connection and the headers show.
    pub(super) fn of(parts: &Parts) -> Self {
        let header = parts.headers.get(AUTHORIZATION);
        Self {
            peer: parts.extensions.get::<NewcomerPeer>().cloned(),
            basic: header.map(|value| basic(value.as_bytes())),
        }
    }

    /// The machine of ours whose certificate was shown, by its name. Whether it still counts is not said.
    pub(super) fn machine(&self) -> Option<String> {
        match &self.peer.as_ref()?.newcomer {
            Newcomer::Machine(peer) => Some(peer.spiffe_id.to_string()),
            Newcomer::Manufactured(_) => None,
        }
    }

    /// The means that the caller has chosen.
    fn means(&self) -> EnrolmentMeans {
        if self.peer.is_none() && self.basic.is_some() {
            EnrolmentMeans::Token
        } else {
            EnrolmentMeans::Est
        }
    }
}

fn basic(header: &[u8]) -> Basic {
    let header = std::str::from_utf8(header).ok().filter(|header| header.len() <= LONGEST)?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64.decode(encoded.trim().as_bytes()).ok()?).ok()?;
    let (name, code) = decoded.split_once(':')?;
    Some((name.to_owned(), code.parse().ok()?))
}

/// The device whose certificate was shown, without using up anything: `None` when none was.
pub(super) async fn who(app: &App, shown: &Shown) -> Result<Option<Device>, Refused> {
    match &shown.peer {
        Some(peer) => by_certificate(app, peer).await.map(|known| Some(known.device)),
        None => Ok(None),
    }
}

/// The device that asks: by its own certificate, its manufacturer's, or a one-time code that it shows for `key`.
pub(super) async fn authenticate(app: &App, shown: &Shown, key: Digest) -> Result<Known, Refused> {
    let known = match (&shown.peer, &shown.basic) {
        (Some(peer), _) => by_certificate(app, peer).await,
        (None, Some(Some((name, code)))) => by_code(app, (name, code), key).await,
        (None, Some(None)) => Err(Refused::unread(StatusCode::UNAUTHORIZED, "code-invalid")),
        (None, None) => Err(Refused::asks()),
    };
    known.map_err(|refused| refused.by(shown.means()))
}

async fn by_certificate(app: &App, peer: &NewcomerPeer) -> Result<Known, Refused> {
    let device = match &peer.newcomer {
        Newcomer::Machine(machine) => of_machine(app, machine, &peer.certificate).await?,
        Newcomer::Manufactured(made) => of_manufacturer(app, made).await?,
    };
    let is_ours = matches!(peer.newcomer, Newcomer::Machine(_));
    let certificate = is_ours.then(|| peer.certificate.clone());
    Ok(Known { device, means: EnrolmentMeans::Est, certificate })
}

async fn of_machine(app: &App, peer: &Peer, certificate: &[u8]) -> Result<Device, Refused> {
    let Machine::Device(id) = peer.spiffe_id.machine else {
        return Err(Refused::unread(StatusCode::FORBIDDEN, "not-a-device"));
    };
    let refused = || Refused::unread(StatusCode::FORBIDDEN, "not-counting").of(id);
    let shown = imp_pki::Certificate::parse(certificate.to_vec()).map_err(|_| refused())?;
    let mut transaction = app.storage.read().await.map_err(|error| Refused::unstored(&error))?;
    let found = transaction.devices().find(id).await;
    let device = found.map_err(|error| Refused::unstored(&error))?.ok_or_else(refused)?;
    let row = transaction.certificates().find_by_serial(shown.serial()).await;
    let row = row.map_err(|error| Refused::unstored(&error))?.ok_or_else(refused)?;
    let counts = row.withdrawal.is_none() && row.spiffe_id == peer.spiffe_id;
    let lives = device.state == imp_identity::device::Lifecycle::Active;
    if counts && lives && app.now() < shown.expires_at() { Ok(device) } else { Err(refused()) }
}

async fn of_manufacturer(app: &App, made: &Manufactured) -> Result<Device, Refused> {
    let Some(serial_number) = &made.serial_number else {
        return Err(Refused::unread(StatusCode::FORBIDDEN, "no-serial-number"));
    };
    let mut transaction = app.storage.read().await.map_err(|error| Refused::unstored(&error))?;
    let found =
        transaction.devices().find_by_serial_number(&made.manufacturer, serial_number).await;
    let device = found.map_err(|error| Refused::unstored(&error))?;
    device.ok_or_else(|| Refused::unread(StatusCode::FORBIDDEN, "not-in-inventory"))
}

async fn by_code(app: &App, (name, code): (&str, &Code), key: Digest) -> Result<Known, Refused> {
    let invalid = || Refused::unread(StatusCode::UNAUTHORIZED, "code-invalid");
    // Whose code it is is looked up first: the code must not be bound to a key under another device's name.
    let mut transaction = app.storage.read().await.map_err(|error| Refused::unstored(&error))?;
    let found = transaction.devices().find_by_code(code.digest()).await;
    let (device, _) = found.map_err(|error| Refused::unstored(&error))?.ok_or_else(invalid)?;
    drop(transaction);
    let number = device.serial_number.as_ref().map(ToString::to_string);
    if name != device.id.to_string() && Some(name) != number.as_deref() {
        let status = StatusCode::UNAUTHORIZED;
        return Err(Refused::unread(status, "code-of-another-device").of(device.id));
    }
    let mut rng = app::rng();
    let accepted = command::accept_device_code(&mut app.context(&mut rng), code, key).await;
    match accepted {
        Ok(device) => Ok(Known { device, means: EnrolmentMeans::Token, certificate: None }),
        Err(AcceptDeviceCodeError::Storage(error)) => Err(Refused::unstored(&error)),
        Err(error) => {
            Err(Refused::said(StatusCode::UNAUTHORIZED, "code-invalid", &error).of(device.id))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_code_are_read_from_the_header() {
        let header = |text: &str| format!("Basic {}", BASE64.encode(text.as_bytes()));
        let code = "7XK2M-00000-11111-22222";
        let (name, read) = basic(header(&format!("SN-7:{code}")).as_bytes()).unwrap();
        assert_eq!((name.as_str(), read.expose().as_str()), ("SN-7", code));
        assert!(basic(header("SN-7").as_bytes()).is_none());
        assert!(basic(header("SN-7:short").as_bytes()).is_none());
        assert!(basic(b"Bearer abc").is_none());
        assert!(basic(b"Basic ????").is_none());
        let long = header(&format!("{}:{code}", "x".repeat(LONGEST)));
        assert!(basic(long.as_bytes()).is_none());
    }
}

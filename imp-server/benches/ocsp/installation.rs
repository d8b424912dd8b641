//! A server that answers, with devices that have certificates, and somebody who asks over a connection that stays open.
use std::net::SocketAddr;
use std::sync::Arc;

use data_encoding::BASE64;
use imp_identity::clock::SystemClock;
use imp_identity::device::{Description, DeviceClass, EnrolmentMeans};
use imp_identity::{Actor, Clock};
use imp_pki::CertificateRequest;
use imp_pki::ocsp::IssuerId;
use imp_server::command::{self, Authority, Context, Order};
use imp_server::{App, Config, Server};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Failure;

/// The largest head of an answer, in bytes.
const HEAD: usize = 4096;

/// A server and where its files are.
pub(super) struct Installation {
    server: Server,
    serials: Vec<String>,
    address: SocketAddr,
    _data: tempfile::TempDir,
}

/// A connection to it.
pub(super) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

fn context<'a>(app: &'a App, rng: &'a mut StdRng) -> Context<'a> {
    Context {
        storage: &app.storage,
        now: app.now(),
        rng,
        trust_domain: app.keys.trust_domain(),
        signer: app.keys.statement_key(),
        log_key: app.keys.log_key(),
        authority: Some(Authority { keys: &app.keys, rules: &app.config.devices }),
    }
}

impl Installation {
    /// A new one with so many devices.
    pub(super) async fn open(devices: usize) -> Result<Self, Failure> {
        let data = tempfile::tempdir()?;
        let mut config = Config::at(data.path());
        config.revocation.listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let server = Server::start(config, clock).await?;
        let address = server.revocation_address().ok_or("no listener")?;
        let mut serials = Vec::with_capacity(devices);
        for number in 0..devices {
            serials.push(enrol(server.app(), number).await?);
        }
        Ok(Self { server, serials, address, _data: data })
    }

    /// Where it answers.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Questions about each certificate, as caches ask.
    pub(super) fn by_get(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let wrap = |question: Vec<u8>| {
            let encoded = BASE64.encode(&question);
            let escaped = encoded.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
            format!("GET /ocsp/{escaped} HTTP/1.1\r\nHost: pki\r\n\r\n").into_bytes()
        };
        Ok(self.questions(false)?.into_iter().map(wrap).collect())
    }

    /// The same by POST; with a nonce, none of the answers can be kept.
    pub(super) fn by_post(&self, nonce: bool) -> Result<Vec<Vec<u8>>, Failure> {
        let wrap = |question: Vec<u8>| {
            let kind = "Content-Type: application/ocsp-request";
            let head = format!(
                "POST /ocsp HTTP/1.1\r\nHost: pki\r\n{kind}\r\nContent-Length: {}\r\n\r\n",
                question.len()
            );
            [head.into_bytes(), question].concat()
        };
        Ok(self.questions(nonce)?.into_iter().map(wrap).collect())
    }

    fn questions(&self, nonce: bool) -> Result<Vec<Vec<u8>>, Failure> {
        let issuer = IssuerId::of(&self.server.app().keys.issuing().certificate)?;
        let nonce = nonce.then_some(&[7; 16][..]);
        let ids = self.serials.iter().filter_map(|serial| issuer.question(serial));
        ids.map(|id| id.request(nonce).map_err(|_| "no question".into())).collect()
    }

    /// Stops it.
    pub(super) async fn close(self) -> Result<(), Failure> {
        Ok(self.server.stop().await?)
    }
}

async fn enrol(app: &App, number: usize) -> Result<String, Failure> {
    let mut rng = StdRng::seed_from_u64(u64::try_from(number)?);
    let description = Description {
        name: format!("device-{number}").parse()?,
        class: DeviceClass::Gateway,
        manufacturer: None,
        model: None,
        serial_number: None,
        udi: None,
        unit: None,
        location: None,
        zone: None,
        mds2: None,
        names: vec![],
    };
    let registered =
        command::register_device(&mut context(app, &mut rng), Actor::Server, description).await?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&KeyPair::generate()?)?;
    let request = CertificateRequest::verify_device(request.der())?;
    let order = Order {
        device: registered.id,
        request: &request,
        means: EnrolmentMeans::Token,
        names: vec![],
        profile: None,
    };
    let issued =
        command::issue_certificate(&mut context(app, &mut rng), Actor::Server, order).await?;
    Ok(issued.certificate.serial().to_owned())
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(HEAD) })
    }

    /// Sends a request and reads the answer, which must be a successful one of OCSP.
    pub(super) async fn ask(&mut self, request: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(request).await?;
        self.read.clear();
        let (body, length) = loop {
            if self.stream.read_buf(&mut self.read).await? == 0 || self.read.len() > HEAD {
                return Err("no answer".into());
            }
            if let Some(found) = head(&self.read)? {
                break found;
            }
        };
        while self.read.len() < body + length {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err("half an answer".into());
            }
        }
        // OCSPResponse with the status `successful` (RFC 6960 §4.2.1).
        let der = self.read.get(body..).unwrap_or_default();
        let is_answered = der.len() > 5
            && der
                .get(..8)
                .is_some_and(|head| head.windows(3).any(|bytes| bytes == [0x0a, 0x01, 0x00]));
        if is_answered { Ok(()) } else { Err("a refusal".into()) }
    }
}

/// Where the body begins and how long it is, once the head is there.
fn head(read: &[u8]) -> Result<Option<(usize, usize)>, Failure> {
    let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&read[..end])?.to_ascii_lowercase();
    if !text.starts_with("http/1.1 200") {
        return Err(text.into());
    }
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    Ok(Some((end + 4, length.ok_or("no length")?.trim().parse()?)))
}

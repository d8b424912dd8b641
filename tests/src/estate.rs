//! The inventory of a hospital without its listeners: devices are registered and ask for certificates by the commands themselves.
use std::path::Path;
use std::sync::Arc;

use imp_identity::device::{Description, Device, DeviceClass, EnrolmentMeans, ServerName};
use imp_identity::name::Label;
use imp_identity::{Actor, Clock, DeviceId};
use imp_pki::{CertificateRequest, RequestError};
use imp_server::command::{self, Authority, Context, IssueCertificateError, Issued, Order};
use imp_server::{App, Config, OpenError, StorageConfig};
use rand::rngs::StdRng;
use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, SanType};

/// What goes wrong where nothing should.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Opens an installation in `folder`, with its database at `url`, or in a file there.
pub async fn open(
    folder: &Path,
    url: Option<&str>,
    clock: Arc<dyn Clock>,
    change: impl FnOnce(&mut Config),
) -> Result<App, OpenError> {
    let at = Config::at(folder);
    let storage = StorageConfig { url: url.map(str::to_owned), ..at.storage.clone() };
    let mut config = Config { storage, ..at };
    change(&mut config);
    App::open(config, clock, 0).await
}

/// For commands, as a server makes it.
pub fn context<'a>(app: &'a App, rng: &'a mut StdRng) -> Context<'a> {
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

/// A device called `name`, which is also its one name on the network.
pub fn description(name: &str, class: DeviceClass) -> Result<Description, Failure> {
    let label = |text: &str| text.parse::<Label>();
    let names = vec![format!("{name}.hospital.example").parse::<ServerName>()?];
    Ok(Description {
        name: label(name)?,
        class,
        manufacturer: Some(label("Acme")?),
        model: None,
        serial_number: Some(label(name)?),
        udi: None,
        unit: None,
        location: None,
        zone: None,
        mds2: None,
        names,
    })
}

/// Puts it in the inventory.
pub async fn register(
    app: &App,
    rng: &mut StdRng,
    name: &str,
    class: DeviceClass,
) -> Result<Device, Failure> {
    let description = description(name, class)?;
    Ok(command::register_device(&mut context(app, rng), Actor::Server, description).await?)
}

/// A request (PKCS#10) for `key` that asks for `names`: DNS names, and URIs.
pub fn request(key: &KeyPair, names: &[&str]) -> Result<Vec<u8>, Failure> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for name in names {
        let text = Ia5String::try_from(*name)?;
        let name = if name.contains("://") { SanType::URI(text) } else { SanType::DnsName(text) };
        params.subject_alt_names.push(name);
    }
    Ok(params.serialize_request(key)?.der().to_vec())
}

/// Asks for a certificate with a request; the names are those of the inventory.
pub async fn ask(
    app: &App,
    rng: &mut StdRng,
    device: &Device,
    request: &[u8],
    profile: Option<&str>,
) -> Result<Issued, AskError> {
    let request = CertificateRequest::verify_device(request)?;
    let order = Order {
        device: device.id,
        request: &request,
        means: EnrolmentMeans::Token,
        names: device.names.clone(),
        profile,
    };
    Ok(command::issue_certificate(&mut context(app, rng), Actor::Server, order).await?)
}

/// The same, with a new key and nothing asked for.
pub async fn enrol(app: &App, rng: &mut StdRng, device: &Device) -> Result<Issued, Failure> {
    let request = request(&KeyPair::generate()?, &[])?;
    Ok(ask(app, rng, device, &request, None).await?)
}

/// No certificate.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The request cannot be granted to anybody.
    #[error("the request was refused")]
    Request(#[from] RequestError),
    /// Not to this device.
    #[error("the device was refused")]
    Issue(#[from] IssueCertificateError),
}

impl AskError {
    /// The word for it in the log.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Issue(error) => error.word(),
        }
    }
}

/// Every device of the inventory.
pub async fn devices(app: &App) -> Result<Vec<Device>, Failure> {
    use imp_server::store::{DeviceFilter, Tables as _};
    let (mut all, mut after): (Vec<Device>, Option<DeviceId>) = (vec![], None);
    let mut reading = app.storage.read().await?;
    loop {
        let page = reading.devices().page(&DeviceFilter::default(), after, 500).await?;
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

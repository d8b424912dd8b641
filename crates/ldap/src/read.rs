//! Reading a directory (RFC 4511), page by page (RFC 2696).
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use imp_identity::Secret;
use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchEntry};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;

use crate::person::{Attributes, DirectoryPerson, Skipped, person};
use crate::settings::Settings;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one operation may take.
const OPERATION: Duration = Duration::from_secs(30);
/// How long taking leave may take.
const LEAVE: Duration = Duration::from_secs(1);
/// How long the whole may take.
const WHOLE: Duration = Duration::from_mins(10);
/// The most entries that are read.
const MOST: usize = 200_000;
/// The result codes of RFC 4511 appendix A that say the account is not let in.
const INVALID_CREDENTIALS: u32 = 49;
const SIZE_LIMIT_EXCEEDED: u32 = 4;

/// With what the directory is asked.
#[derive(Debug, Default)]
pub struct Credentials {
    /// The password of the account.
    pub password: Option<Secret<String>>,
    /// The certificate authority of the directory, in PEM.
    pub ca: Option<String>,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The people.
    pub people: Vec<DirectoryPerson>,
    /// The entries that cannot be taken over.
    pub skipped: Vec<Skipped>,
}

/// The directory was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no usable certificate authority.
    #[error("the certificate authority of the directory cannot be used")]
    Authority,
    /// It is away, or is not who it should be.
    #[error("the directory cannot be reached")]
    Connect(#[source] LdapError),
    /// The account's name or password is wrong.
    #[error("the directory does not let the account in: its name or password is wrong")]
    Credentials,
    /// The directory refused.
    #[error("the directory refused: result code {code}")]
    Refused {
        /// RFC 4511 appendix A.
        code: u32,
    },
    /// The connection broke.
    #[error("the directory stopped answering")]
    Interrupted(#[source] LdapError),
    /// It took too long.
    #[error("the directory was not read within ten minutes")]
    Timeout,
    /// There is no end of people, or of entries on a page.
    #[error("the directory has more than {MOST} people, or gives no more than its limit")]
    TooMany,
}

/// Reads everybody.
pub async fn read(settings: &Settings, credentials: &Credentials) -> Result<Found, ReadError> {
    let reading = Box::pin(connect_and_read(settings, credentials));
    tokio::time::timeout(WHOLE, reading).await.map_err(|_| ReadError::Timeout)?
}

async fn connect_and_read(
    settings: &Settings,
    credentials: &Credentials,
) -> Result<Found, ReadError> {
    let mut connection = LdapConnSettings::new().set_conn_timeout(CONNECT);
    connection = connection.set_starttls(settings.starttls);
    if let Some(pem) = &credentials.ca {
        connection = connection.set_config(trusting(pem)?);
    }
    let connected = LdapConnAsync::with_settings(connection, &settings.url).await;
    let (driver, mut ldap) = connected.map_err(ReadError::Connect)?;
    let driving = driver.drive();
    tokio::pin!(driving);
    let reading = Box::pin(async {
        bind(&mut ldap, settings, credentials).await?;
        search(&mut ldap, settings).await
    });
    let found = tokio::select! {
        biased;
        found = reading => found?,
        ended = &mut driving => {
            return Err(ReadError::Interrupted(ended.err().unwrap_or(LdapError::EndOfStream)));
        }
    };
    // It takes leave; nothing depends on how.
    let leaving = async { tokio::join!(ldap.unbind(), driving) };
    drop(tokio::time::timeout(LEAVE, leaving).await);
    Ok(found)
}

fn trusting(pem: &str) -> Result<Arc<ClientConfig>, ReadError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_| ReadError::Authority)?;
        roots.add(certificate).map_err(|_| ReadError::Authority)?;
    }
    if roots.is_empty() {
        return Err(ReadError::Authority);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|_| ReadError::Authority)?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

async fn bind(
    ldap: &mut Ldap,
    settings: &Settings,
    credentials: &Credentials,
) -> Result<(), ReadError> {
    let (Some(dn), Some(password)) = (&settings.bind_dn, &credentials.password) else {
        return Ok(());
    };
    // An empty password would be nobody's account, and let in (RFC 4513 §5.1.2).
    if password.expose().is_empty() {
        return Err(ReadError::Credentials);
    }
    let bound = ldap.with_timeout(OPERATION).simple_bind(dn, password.expose()).await;
    checked(&bound.map_err(ReadError::Interrupted)?)
}

fn checked(result: &LdapResult) -> Result<(), ReadError> {
    match result.rc {
        0 => Ok(()),
        INVALID_CREDENTIALS => Err(ReadError::Credentials),
        SIZE_LIMIT_EXCEEDED => Err(ReadError::TooMany),
        code => Err(ReadError::Refused { code }),
    }
}

async fn search(ldap: &mut Ldap, settings: &Settings) -> Result<Found, ReadError> {
    let names = &settings.attributes;
    let wanted: Vec<String> = [
        &names.id,
        &names.username,
        &names.display_name,
        &names.given_name,
        &names.family_name,
        &names.email,
        &names.unit,
        &names.groups,
    ]
    .into_iter()
    .cloned()
    .chain(["userAccountControl", "nsAccountLock"].map(str::to_owned))
    .collect();
    let page = i32::try_from(settings.page).unwrap_or(i32::MAX);
    // What the directory refers to elsewhere is not followed.
    let adapters: Vec<Box<dyn Adapter<'_, String, Vec<String>>>> =
        vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(page))];
    let (base, filter) = (&settings.base, &settings.filter);
    let started = ldap
        .with_timeout(OPERATION)
        .streaming_search_with(adapters, base, Scope::Subtree, filter, wanted)
        .await;
    let mut stream = started.map_err(ReadError::Interrupted)?;
    let mut found = Found::default();
    while let Some(entry) = stream.next().await.map_err(ReadError::Interrupted)? {
        if found.people.len() + found.skipped.len() >= MOST {
            return Err(ReadError::TooMany);
        }
        let entry = SearchEntry::construct(entry);
        let (name, attributes) = attributes(entry);
        match person(&name, &attributes, settings) {
            Ok(person) => found.people.push(person),
            Err(skipped) => found.skipped.push(skipped),
        }
    }
    checked(&stream.finish().await)?;
    Ok(found)
}

fn attributes(entry: SearchEntry) -> (String, Attributes) {
    let mut read = BTreeMap::<String, Vec<Vec<u8>>>::new();
    for (name, values) in entry.attrs {
        let values = values.into_iter().map(String::into_bytes);
        read.entry(name.to_ascii_lowercase()).or_default().extend(values);
    }
    for (name, values) in entry.bin_attrs {
        read.entry(name.to_ascii_lowercase()).or_default().extend(values);
    }
    (entry.dn, Attributes(read))
}

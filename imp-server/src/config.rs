//! The configuration: one TOML file, documented key by key in `imp-server.example.toml`.
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use imp_identity::spiffe::TrustDomain;
use imp_pki::ServerName;
use imp_review::Thresholds;
use imp_service::telemetry::Telemetry;
use serde::{Deserialize, Deserializer};

mod access;
mod acme;
mod connections;
mod devices;
mod directory;
mod est;
mod limits;
mod log;
mod notices;
mod oauth;
mod revocation;
mod sign_on;

pub use access::AccessConfig;
pub use acme::AcmeConfig;
pub use connections::ConnectionsConfig;
pub use devices::{ClassConfig, ClassRule, DevicesConfig};
pub use directory::{Directory, GroupName};
pub(crate) use directory::{DirectoryError, credentials};
pub use est::{EstConfig, ManufacturerError};
pub use limits::LimitsConfig;
pub use log::{LogConfig, LogWitness};
pub use notices::{Mail, MailError, Notices};
pub use oauth::OauthConfig;
pub use revocation::RevocationConfig;
pub use sign_on::{AttestationError, AttestationMode, SignOnConfig};

/// The prefix of environment variables: `IMP_SERVER__HTTP__LISTEN` sets `listen` in `[http]`.
pub(crate) const ENVIRONMENT: &str = "IMP_SERVER";

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The folder of the keys and, unless `storage.url` says otherwise, of the database.
    pub data: PathBuf,
    /// The name of the installation in SPIFFE IDs. Fixed at the first start.
    pub trust_domain: TrustDomain,
    /// The HTTPS listener.
    pub http: Http,
    /// The database.
    pub storage: StorageConfig,
    /// Certificates that are issued.
    pub certificates: Certificates,
    /// Devices and their certificates.
    pub devices: DevicesConfig,
    /// Where devices enrol.
    pub est: EstConfig,
    /// Where others learn which certificates count.
    pub revocation: RevocationConfig,
    /// Who watches the log.
    pub log: LogConfig,
    /// Where the rules of the review draw their lines.
    pub review: Thresholds,
    /// Notices of the day.
    pub notices: Notices,
    /// The OpenID provider.
    pub oauth: OauthConfig,
    /// Passkeys, and the pages where people sign in.
    pub sign_on: SignOnConfig,
    /// Who may do what.
    pub access: AccessConfig,
    /// The connection policy.
    pub connections: ConnectionsConfig,
    /// Provisioning and directories.
    pub directory: Directory,
    /// Certificates for devices over ACME.
    pub acme: AcmeConfig,
    /// How often strangers may try.
    pub limits: LimitsConfig,
    /// The log on stderr.
    pub telemetry: Telemetry,
}

/// The HTTPS listener.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address and port.
    pub listen: SocketAddr,
    /// What machines call this server: the names in its certificate.
    #[serde(deserialize_with = "names")]
    pub names: Vec<ServerName>,
    /// What invitations say; without it, `https://`, the first name and the port.
    pub url: Option<String>,
    /// The most connections that are open at a time.
    pub connections: u32,
    /// The most connections that are open at a time from one address.
    pub connections_per_address: u32,
    /// The longest TLS handshake, in seconds.
    pub handshake_seconds: u32,
    /// The longest request, in seconds.
    pub request_seconds: u32,
    /// How long a connection may be silent, in seconds.
    pub idle_seconds: u32,
    /// The largest body, in bytes.
    pub largest_body: u32,
}

/// The database.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageConfig {
    /// `sqlite:/path/imp.db` or `postgres://…`; without it, `imp.db` in the data folder.
    pub url: Option<String>,
    /// The most connections that are open at a time.
    pub connections: u32,
    /// The longest wait for a connection or a lock, in seconds.
    pub wait_seconds: u32,
}

/// Certificates that are issued.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Certificates {
    /// How long a workstation's or a phone's certificate counts, in days.
    pub machine_days: u32,
    /// How long the server's own certificate counts, in days.
    pub server_days: u32,
}

/// The configuration cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// A number is out of its range.
    #[error("{key} must be between {least} and {most}")]
    Range {
        /// The key.
        key: &'static str,
        /// Smallest.
        least: u32,
        /// Largest.
        most: u32,
    },
    /// The directory cannot be asked.
    #[error("[directory.ldap] cannot be used")]
    Directory(#[from] imp_ldap::InvalidSettings),
    /// Nobody could look there.
    #[error(
        "devices.public_url must begin with http:// and have neither spaces nor more than 256 characters"
    )]
    PublicUrl,
    /// A class cannot be configured so.
    #[error(
        "[devices.classes] cannot be used: workstations and phones do not stand there, a class needs a profile, and manufacturers need names"
    )]
    Classes,
    /// Nobody could call the server.
    #[error("http.names needs at least one DNS name or IP address")]
    NoNames,
    /// Invitations could not be used.
    #[error(
        "http.url must begin with https:// and have neither spaces nor more than 512 characters"
    )]
    Url,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("imp-data"),
            trust_domain: default_trust_domain(),
            http: Http::default(),
            storage: StorageConfig::default(),
            certificates: Certificates::default(),
            devices: DevicesConfig::default(),
            est: EstConfig::default(),
            revocation: RevocationConfig::default(),
            log: LogConfig::default(),
            review: Thresholds::default(),
            notices: Notices::default(),
            oauth: OauthConfig::default(),
            sign_on: SignOnConfig::default(),
            access: AccessConfig::default(),
            connections: ConnectionsConfig::default(),
            directory: Directory::default(),
            acme: AcmeConfig::default(),
            limits: LimitsConfig::default(),
            telemetry: Telemetry::default(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            names: vec![
                ServerName::Ip([127, 0, 0, 1].into()),
                ServerName::Dns("localhost".to_owned()),
                ServerName::Ip([0, 0, 0, 0, 0, 0, 0, 1].into()),
            ],
            url: None,
            connections: 8192,
            connections_per_address: 1024,
            handshake_seconds: 10,
            request_seconds: 10,
            idle_seconds: 120,
            largest_body: 256 * 1024,
        }
    }
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self { url: None, connections: 4, wait_seconds: 5 }
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self { machine_days: 7, server_days: 30 }
    }
}

impl Config {
    /// The defaults with another data folder and a free port on loopback: for tests.
    pub fn at(data: &Path) -> Self {
        let http = Http { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Http::default() };
        Self { data: data.to_owned(), http, ..Self::default() }
    }

    /// Checks what the types do not.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let Http { url, names, .. } = &self.http;
        for (key, value, least, most) in [
            ("http.connections", self.http.connections, 1, 65_536),
            ("http.connections_per_address", self.http.connections_per_address, 1, 65_536),
            ("http.handshake_seconds", self.http.handshake_seconds, 1, 60),
            ("http.request_seconds", self.http.request_seconds, 1, 300),
            ("http.idle_seconds", self.http.idle_seconds, 5, 3600),
            ("http.largest_body", self.http.largest_body, 32 * 1024, 16 * 1024 * 1024),
            ("storage.connections", self.storage.connections, 1, 100),
            ("storage.wait_seconds", self.storage.wait_seconds, 1, 60),
            ("certificates.machine_days", self.certificates.machine_days, 1, 90),
            ("certificates.server_days", self.certificates.server_days, 1, 365),
            ("connections.copy_hours", self.connections.copy_hours, 1, 720),
            ("log.witness_seconds", self.log.witness_seconds, 1, 3600),
            ("review.failures", self.review.failures, 2, 64),
            ("review.night_from", self.review.night_from.into(), 0, 23),
            ("review.night_until", self.review.night_until.into(), 0, 23),
            ("review.habit_night_per_mille", self.review.habit_night_per_mille, 0, 1000),
        ] {
            if !(least..=most).contains(&value) {
                return Err(InvalidConfig::Range { key, least, most });
            }
        }
        let limits = self.limits.ranges();
        let acme = self.acme.ranges();
        let (est, revocation) = (self.est.ranges(), self.revocation.ranges());
        for (key, value, least, most) in
            self.oauth.ranges().into_iter().chain(limits).chain(acme).chain(est).chain(revocation)
        {
            if !(least..=most).contains(&value) {
                return Err(InvalidConfig::Range { key, least, most });
            }
        }
        if names.is_empty() {
            return Err(InvalidConfig::NoNames);
        }
        self.directory.validate()?;
        self.devices.validate()?;
        let fits = |url: &str| {
            let host = url.strip_prefix("https://").unwrap_or_default();
            !host.is_empty() && url.len() <= 512 && host.bytes().all(|b| b.is_ascii_graphic())
        };
        if url.as_deref().is_none_or(fits) { Ok(()) } else { Err(InvalidConfig::Url) }
    }

    /// The database's URL.
    pub fn storage_url(&self) -> String {
        let here = || format!("sqlite:{}", self.data.join("imp.db").display());
        self.storage.url.clone().unwrap_or_else(here)
    }

    /// What invitations call this server when it listens on `port`; without a final slash.
    pub fn url(&self, port: u16) -> String {
        if let Some(url) = &self.http.url {
            return url.trim_end_matches('/').to_owned();
        }
        match self.http.names.first() {
            Some(ServerName::Ip(std::net::IpAddr::V6(address))) => {
                format!("https://[{address}]:{port}")
            }
            Some(name) => format!("https://{name}:{port}"),
            None => format!("https://localhost:{port}"),
        }
    }

    /// What applications call this server (`iss`) when it listens on `port`, and the origin of its pages: `http.url`, or the
    /// first DNS name with the port, since passkeys are not made for addresses; without a final slash.
    pub fn issuer(&self, port: u16) -> String {
        let dns = self.http.names.iter().find(|name| matches!(name, ServerName::Dns(_)));
        match (&self.http.url, dns) {
            (None, Some(name)) => format!("https://{name}:{port}"),
            (Some(_), _) | (None, None) => self.url(port),
        }
    }

    /// How to open the database.
    pub(crate) fn storage_options(&self) -> imp_storage::Options {
        imp_storage::Options {
            connections: self.storage.connections,
            wait: seconds(self.storage.wait_seconds),
        }
    }
}

/// A number of seconds.
pub(crate) fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}

#[expect(clippy::expect_used, reason = "a constant that a test reads")]
fn default_trust_domain() -> TrustDomain {
    "imp.internal".parse().expect("a trust domain")
}

fn names<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<ServerName>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_service::config::load;

    #[test]
    fn the_example_documents_every_key_and_says_the_defaults() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("imp-server.example.toml");
        let config: Config = load(Some(&example), ENVIRONMENT, std::iter::empty()).unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.validate(), Ok(()));
        let text = std::fs::read_to_string(&example).unwrap();
        // The keys that have no default are there as comments.
        for key in KEYS {
            let stands = text.lines().any(|line| {
                line.trim_start_matches("# ").split_once(" = ").is_some_and(|(k, _)| k == *key)
            });
            assert!(stands, "{key} is not documented in {}", example.display());
        }
    }

    /// Whatever the types accept: read from what serde says it expects, so that nobody can forget one here.
    const KEYS: &[&str] = &[
        "data",
        "trust_domain",
        "listen",
        "names",
        "url",
        "connections",
        "connections_per_address",
        "handshake_seconds",
        "request_seconds",
        "idle_seconds",
        "largest_body",
        "wait_seconds",
        "copy_hours",
        "machine_days",
        "server_days",
        "retry_seconds",
        "ocsp_minutes",
        "crl_minutes",
        "kept_answers",
        "public_url",
        "crl_partitions",
        "code_hours",
        "approval_days",
        "classes",
        "means",
        "manufacturers",
        "profiles",
        "keys",
        "hours",
        "approval",
        "witness_seconds",
        "witnesses",
        "travel_minutes",
        "walk_seconds",
        "failures",
        "failure_minutes",
        "unit_days",
        "night_from",
        "night_until",
        "habit_taps",
        "habit_night_per_mille",
        "at",
        "server",
        "port",
        "encryption",
        "username",
        "password_file",
        "ca_file",
        "from",
        "from_name",
        "access_token_seconds",
        "id_token_seconds",
        "grant_hours",
        "offline_days",
        "key_days",
        "key_overlap_hours",
        "registration_token_file",
        "self_registered_networks",
        "bound_tokens_only",
        "strict",
        "broker_port",
        "attestation",
        "metadata",
        "metadata_root",
        "allowed_models",
        "denied_models",
        "failures_per_minute",
        "openings_per_minute",
        "registrations_per_minute",
        "roles",
        "group_roles",
        "name",
        "starttls",
        "bind_dn",
        "base",
        "page",
        "minutes",
        "leavers",
        "most_leavers_percent",
        "id",
        "display_name",
        "given_name",
        "family_name",
        "email",
        "unit",
        "groups",
        "policies",
        "binding_required",
        "networks",
        "http_port",
        "tls_port",
        "resolvers",
        "tries",
        "try_seconds",
        "order_hours",
        "attestation_roots",
        "require_aal2",
        "format",
        "filter",
    ];

    #[test]
    fn every_key_that_the_types_accept_is_in_the_list() {
        for section in SECTIONS {
            let section = if section.is_empty() { String::new() } else { format!("[{section}]\n") };
            let error = toml_error(&format!("{section}nonsense = 1\n"));
            let (_, expected) = error.split_once("expected").unwrap();
            let expected: Vec<_> = expected.split('`').skip(1).step_by(2).collect();
            assert!(expected.len() > 1, "{error}");
            for key in expected {
                let is_section = SECTIONS.iter().any(|name| name.rsplit('.').next() == Some(key));
                assert!(is_section || KEYS.contains(&key), "{key}: {error}");
            }
        }
    }

    const SECTIONS: &[&str] = &[
        "",
        "http",
        "storage",
        "certificates",
        "devices",
        "devices.classes.server",
        "log",
        "review",
        "notices",
        "notices.mail",
        "oauth",
        "sign_on",
        "access",
        "directory",
        "directory.ldap",
        "directory.ldap.attributes",
        "acme",
        "est",
        "revocation",
        "limits",
        "telemetry",
    ];

    fn toml_error(text: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let error = load::<Config>(Some(file.path()), ENVIRONMENT, std::iter::empty());
        error.unwrap_err().to_string()
    }

    #[test]
    fn numbers_out_of_range_are_refused_by_key() {
        let mut config = Config::default();
        config.certificates.machine_days = 0;
        let error = config.validate().unwrap_err();
        assert_eq!(error.to_string(), "certificates.machine_days must be between 1 and 90");
        let http = Http { url: Some("http://imp".to_owned()), ..Http::default() };
        assert_eq!(Config { http, ..Config::default() }.validate(), Err(InvalidConfig::Url));
        let http = Http { names: vec![], ..Http::default() };
        assert_eq!(Config { http, ..Config::default() }.validate(), Err(InvalidConfig::NoNames));
    }
}

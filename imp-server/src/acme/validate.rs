//! Looks whether a challenge is met: from outside, as anybody would see it, and in bounded time.
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::net::NetError;
use imp_pki::acme::tls_alpn::ProofError;
use imp_pki::acme::{ChallengeKind, Identifier, KeyAuthorization, Problem, ProblemType, Refused};
use tokio_rustls::TlsConnector;

use super::address::{Network, may_be_asked};
use super::resolver::Resolver;
use super::{http01, tls_alpn01};
use crate::config::{AcmeConfig, seconds};

/// The most addresses of one name that are asked.
const ADDRESSES: usize = 4;

/// Looks whether challenges are met.
pub(crate) struct Validator {
    networks: Vec<Network>,
    http_port: u16,
    tls_port: u16,
    time: Duration,
    resolver: Resolver,
    connector: TlsConnector,
}

/// The challenge is not met.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValidationError {
    /// The name is not known.
    #[error("the name could not be resolved")]
    Dns(#[source] NetError),
    /// It may not be asked there.
    #[error("{0} is not an address that this server asks (acme.networks)")]
    Address(IpAddr),
    /// Nobody answers.
    #[error("no connection")]
    Connect(#[source] std::io::Error),
    /// It took too long.
    #[error("no answer in time")]
    Time,
    /// Not HTTP.
    #[error("the answer is not HTTP")]
    Http,
    /// Somewhere else.
    #[error("the answer is a redirect, which is not followed")]
    Redirect,
    /// Something else.
    #[error("the answer has the status {0}")]
    Status(u16),
    /// More than it may be.
    #[error("the answer is longer than a key authorization")]
    TooLong,
    /// Another text.
    #[error("the answer is not the key authorization of this challenge")]
    Incorrect,
    /// No record, or another.
    #[error("no TXT record of {0} is the one of this challenge")]
    Record(String),
    /// Not TLS.
    #[error("TLS failed")]
    Tls(#[source] std::io::Error),
    /// Another protocol.
    #[error("acme-tls/1 was not agreed on")]
    Protocol,
    /// Another certificate.
    #[error("the certificate does not prove the name")]
    Proof(#[from] ProofError),
    /// Not by this.
    #[error("this identifier is not proven by this challenge")]
    Kind,
}

impl Refused for ValidationError {
    fn kind(&self) -> ProblemType {
        match self {
            Self::Dns(_) => ProblemType::Dns,
            Self::Connect(_) | Self::Time => ProblemType::Connection,
            Self::Tls(_) | Self::Protocol => ProblemType::Tls,
            Self::Address(_) => ProblemType::RejectedIdentifier,
            Self::Http
            | Self::Redirect
            | Self::Status(_)
            | Self::TooLong
            | Self::Incorrect
            | Self::Record(_)
            | Self::Proof(_) => ProblemType::IncorrectResponse,
            Self::Kind => ProblemType::Malformed,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Dns(_) => "validation-dns",
            Self::Address(_) => "validation-address",
            Self::Connect(_) | Self::Time => "validation-connection",
            Self::Tls(_) | Self::Protocol => "validation-tls",
            Self::Redirect => "validation-redirect",
            Self::Http
            | Self::Status(_)
            | Self::TooLong
            | Self::Incorrect
            | Self::Record(_)
            | Self::Proof(_)
            | Self::Kind => "validation-answer",
        }
    }
}

impl Validator {
    pub(super) fn new(config: &AcmeConfig) -> Result<Self, rustls::Error> {
        Ok(Self {
            networks: config.networks.clone(),
            http_port: config.http_port,
            tls_port: config.tls_port,
            time: seconds(config.try_seconds),
            resolver: Resolver::new(&config.resolvers),
            connector: tls_alpn01::connector()?,
        })
    }

    /// Looks whether a challenge is met.
    pub(crate) async fn look(
        &self,
        kind: ChallengeKind,
        identifier: &Identifier,
        token: &str,
        expected: &KeyAuthorization,
    ) -> Result<(), ValidationError> {
        let look = async {
            match kind {
                ChallengeKind::Http01 => self.by_http(identifier, token, expected).await,
                ChallengeKind::TlsAlpn01 => self.by_tls(identifier, expected).await,
                ChallengeKind::Dns01 => self.by_dns(identifier, expected).await,
                ChallengeKind::DeviceAttest01 => Err(ValidationError::Kind),
            }
        };
        tokio::time::timeout(self.time, look).await.unwrap_or(Err(ValidationError::Time))
    }

    async fn by_http(
        &self,
        identifier: &Identifier,
        token: &str,
        expected: &KeyAuthorization,
    ) -> Result<(), ValidationError> {
        let host = match identifier {
            Identifier::Ip(IpAddr::V6(address)) => format!("[{address}]"),
            Identifier::Ip(IpAddr::V4(_))
            | Identifier::Dns { .. }
            | Identifier::Permanent { .. }
            | Identifier::HardwareModule { .. } => identifier.to_string(),
        };
        let mut last = ValidationError::Kind;
        for address in self.addresses(identifier).await? {
            let address = SocketAddr::new(address, self.http_port);
            match http01::check(address, &host, token, expected).await {
                Err(error @ ValidationError::Connect(_)) => last = error,
                other => return other,
            }
        }
        Err(last)
    }

    async fn by_tls(
        &self,
        identifier: &Identifier,
        expected: &KeyAuthorization,
    ) -> Result<(), ValidationError> {
        let mut last = ValidationError::Kind;
        for address in self.addresses(identifier).await? {
            let address = SocketAddr::new(address, self.tls_port);
            match tls_alpn01::check(&self.connector, address, identifier, expected).await {
                Err(error @ ValidationError::Connect(_)) => last = error,
                other => return other,
            }
        }
        Err(last)
    }

    async fn by_dns(
        &self,
        identifier: &Identifier,
        expected: &KeyAuthorization,
    ) -> Result<(), ValidationError> {
        let Identifier::Dns { name, .. } = identifier else { return Err(ValidationError::Kind) };
        let name = format!("_acme-challenge.{name}");
        let texts = self.resolver.texts(&name).await.map_err(ValidationError::Dns)?;
        let record = expected.record();
        if texts.iter().any(|text| text == record.as_bytes()) {
            Ok(())
        } else {
            Err(ValidationError::Record(name))
        }
    }

    /// The addresses that may be asked for an identifier: at least one.
    async fn addresses(&self, identifier: &Identifier) -> Result<Vec<IpAddr>, ValidationError> {
        let found = match identifier {
            Identifier::Ip(address) => vec![*address],
            Identifier::Dns { name, wildcard: false } => {
                self.resolver.addresses(name).await.map_err(ValidationError::Dns)?
            }
            Identifier::Dns { .. }
            | Identifier::Permanent { .. }
            | Identifier::HardwareModule { .. } => return Err(ValidationError::Kind),
        };
        let first = found.first().copied().ok_or(ValidationError::Kind)?;
        let may = |address: &IpAddr| may_be_asked(*address, &self.networks);
        let asked: Vec<_> = found.into_iter().filter(may).take(ADDRESSES).collect();
        if asked.is_empty() { Err(ValidationError::Address(first)) } else { Ok(asked) }
    }
}

/// What the client is told.
pub(crate) fn problem(error: &ValidationError, kind: ChallengeKind) -> Problem {
    let mut problem = Problem::of(error);
    problem.detail = format!("{}: {}", kind.code(), problem.detail);
    problem
}

#[cfg(test)]
mod tests;

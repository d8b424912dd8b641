//! Who a certificate names and what it may be used for.
use std::fmt;
use std::str::FromStr;

pub use imp_identity::device::{InvalidServerName, ServerName};
use imp_identity::spiffe::{Machine, SpiffeId};
use rcgen::string::Ia5String;
use rcgen::{
    CertificateParams, CrlDistributionPoint, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType,
};

use crate::der::tlv;
use crate::key::{KeyKind, PublicKey};

/// `id-kp` of an SDC service provider (IEEE 11073-20701 §A: whoever has it meets all that is mandatory for that role).
const SDC_PROVIDER: [u64; 7] = [1, 2, 840, 10004, 20701, 1, 1];
/// The same of an SDC service consumer.
const SDC_CONSUMER: [u64; 7] = [1, 2, 840, 10004, 20701, 1, 2];
/// `id-pe-authorityInfoAccess` (RFC 5280 §4.2.2.1).
const AUTHORITY_ACCESS: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 1, 1];
/// `id-pkix-ocsp-nocheck` (RFC 6960 §4.2.2.2.1).
const OCSP_NO_CHECK: [u64; 10] = [1, 3, 6, 1, 5, 5, 7, 48, 1, 5];
/// `id-ad-ocsp` and `id-ad-caIssuers`, in DER.
const ACCESS_OCSP: [u8; 10] = [0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 1];
const ACCESS_ISSUERS: [u8; 10] = [0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2];

/// What a certificate is for. No profile holds personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `imp-server`: serverAuth, named by DNS names and IP addresses (RFC 9525).
    Server(Vec<ServerName>),
    /// A workstation, clientAuth; or a phone, serverAuth and clientAuth: it is the TLS server on the radio and a client
    /// of `imp-server`. Named by its SPIFFE ID (X.509-SVID §2).
    Machine(SpiffeId),
    /// A device, named by its SPIFFE ID and by DNS names and addresses where wanted.
    Device(DeviceProfile),
    /// Whoever answers by OCSP in an issuing authority's place (RFC 6960 §4.2.2.2).
    OcspResponder,
}

/// What a device's certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceProfile {
    /// Its name.
    pub id: SpiffeId,
    /// What others call it.
    pub names: Vec<ServerName>,
    /// What it may do.
    pub usage: Usage,
    /// Where whoever sees the certificate learns whether it still counts.
    pub publication: Publication,
}

/// What a device may do with its certificate: the profiles, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// It connects to others.
    Client,
    /// Others connect to it.
    Server,
    /// Both.
    Machine,
    /// Both, as a provider of SDC services (IEEE 11073-20701).
    SdcProvider,
    /// Both, as a consumer of SDC services.
    SdcConsumer,
    /// Both, as a provider and a consumer.
    Sdc,
}

/// The text is not a profile.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a profile: client, server, machine, sdc-provider, sdc-consumer or sdc is expected")]
pub struct InvalidUsage;

/// Where status and issuer are published; what is missing does not stand in the certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publication {
    /// The OCSP responder.
    pub ocsp: Option<String>,
    /// The issuing authority's certificate.
    pub issuer: Option<String>,
    /// The CRL.
    pub crl: Option<String>,
}

impl Usage {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Client,
        Self::Server,
        Self::Machine,
        Self::SdcProvider,
        Self::SdcConsumer,
        Self::Sdc,
    ];

    /// The word for it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Machine => "machine",
            Self::SdcProvider => "sdc-provider",
            Self::SdcConsumer => "sdc-consumer",
            Self::Sdc => "sdc",
        }
    }

    fn purposes(self) -> Vec<ExtendedKeyUsagePurpose> {
        use ExtendedKeyUsagePurpose::{ClientAuth, Other, ServerAuth};
        let mut purposes = match self {
            Self::Client => vec![ClientAuth],
            Self::Server => vec![ServerAuth],
            Self::Machine | Self::SdcProvider | Self::SdcConsumer | Self::Sdc => {
                vec![ServerAuth, ClientAuth]
            }
        };
        if matches!(self, Self::SdcProvider | Self::Sdc) {
            purposes.push(Other(SDC_PROVIDER.to_vec()));
        }
        if matches!(self, Self::SdcConsumer | Self::Sdc) {
            purposes.push(Other(SDC_CONSUMER.to_vec()));
        }
        purposes
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Usage {
    type Err = InvalidUsage;

    fn from_str(text: &str) -> Result<Self, InvalidUsage> {
        Self::ALL.into_iter().find(|usage| usage.code() == text).ok_or(InvalidUsage)
    }
}

impl Profile {
    /// Names and usages for `key`. But for responders the subject stays empty, so the alternative name is critical
    /// (RFC 5280 §4.2.1.6).
    pub(crate) fn params(&self, key: &PublicKey) -> Result<CertificateParams, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = self.usages();
        match self {
            Self::Server(names) => params.subject_alt_names = alternative_names(names)?,
            Self::Machine(id) => params.subject_alt_names = vec![uri(id)?],
            Self::Device(device) => device.fill(&mut params, key)?,
            Self::OcspResponder => {
                params.distinguished_name.push(DnType::CommonName, "IMP OCSP responder");
                let no_check = CustomExtension::from_oid_content(&OCSP_NO_CHECK, tlv(0x05, &[]));
                params.custom_extensions = vec![no_check];
            }
        }
        Ok(params)
    }

    fn usages(&self) -> Vec<ExtendedKeyUsagePurpose> {
        use ExtendedKeyUsagePurpose::{ClientAuth, OcspSigning, ServerAuth};
        match self {
            Self::Server(_) => vec![ServerAuth],
            Self::Machine(SpiffeId { machine: Machine::Workstation(_), .. }) => vec![ClientAuth],
            Self::Machine(SpiffeId { machine: Machine::Phone(_) | Machine::Device(_), .. }) => {
                vec![ServerAuth, ClientAuth]
            }
            Self::Device(device) => device.usage.purposes(),
            Self::OcspResponder => vec![OcspSigning],
        }
    }
}

impl DeviceProfile {
    fn fill(&self, params: &mut CertificateParams, key: &PublicKey) -> Result<(), rcgen::Error> {
        params.subject_alt_names = vec![uri(&self.id)?];
        params.subject_alt_names.extend(alternative_names(&self.names)?);
        // RSA key exchange of TLS 1.2, which old devices know only (RFC 5246 §7.4.2).
        if key.kind() == KeyKind::Rsa {
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        let Publication { ocsp, issuer, crl } = &self.publication;
        let places = [(ACCESS_OCSP, ocsp), (ACCESS_ISSUERS, issuer)];
        let access: Vec<u8> = places
            .into_iter()
            .filter_map(|(method, url)| Some((method, url.as_deref()?)))
            .flat_map(|(method, url)| {
                tlv(0x30, &[&method[..], &tlv(0x86, url.as_bytes())].concat())
            })
            .collect();
        if !access.is_empty() {
            let content = tlv(0x30, &access);
            let extension = CustomExtension::from_oid_content(&AUTHORITY_ACCESS, content);
            params.custom_extensions.push(extension);
        }
        if let Some(url) = crl {
            params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![url.clone()] }];
        }
        Ok(())
    }
}

fn uri(id: &SpiffeId) -> Result<SanType, rcgen::Error> {
    Ok(SanType::URI(Ia5String::try_from(id.to_string())?))
}

fn alternative_names(names: &[ServerName]) -> Result<Vec<SanType>, rcgen::Error> {
    names.iter().map(alternative_name).collect()
}

fn alternative_name(name: &ServerName) -> Result<SanType, rcgen::Error> {
    Ok(match name {
        ServerName::Dns(name) => SanType::DnsName(Ia5String::try_from(name.as_str())?),
        ServerName::Ip(address) => SanType::IpAddress(*address),
    })
}

//! Which addresses are asked whether a challenge is met. A client names a host, and the server connects to it: without a rule,
//! anybody who may order could let the server knock at what only the server reaches. So a name is resolved once, every address
//! that is not of a configured network is passed over, and the connection goes to the address that was looked at, not to the
//! name again. The server's own host (loopback), link-local addresses, where clouds keep their metadata, and addresses of
//! nobody or of many are not asked unless a network of the configuration says so; redirects are not followed.
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::Deserialize;

/// Addresses with the same first bits: `10.0.0.0/8`, `fd00::/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// The text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a network: an address, `/` and a number of bits are expected, such as 10.0.0.0/8, with no bits set behind them"
)]
pub struct InvalidNetwork;

impl Network {
    /// The networks that are private to an organisation (RFC 1918, RFC 4193).
    pub fn private() -> Vec<Self> {
        let four = |address: [u8; 4], bits| Self { address: address.into(), bits };
        let unique_local = Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0);
        vec![
            four([10, 0, 0, 0], 8),
            four([172, 16, 0, 0], 12),
            four([192, 168, 0, 0], 16),
            Self { address: unique_local.into(), bits: 7 },
        ]
    }

    /// Whether an address is of this network. An IPv4 address that is written as IPv6 is its IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Whether an address may be asked: one of a host, in one of the networks.
pub(super) fn may_be_asked(address: IpAddr, networks: &[Network]) -> bool {
    let address = address.to_canonical();
    let is_of_a_host = match address {
        IpAddr::V4(address) => !address.is_broadcast() && address.octets()[0] != 0,
        IpAddr::V6(_) => true,
    };
    let is_of_a_host = is_of_a_host && !address.is_unspecified() && !address.is_multicast();
    is_of_a_host && networks.iter().any(|network| network.contains(address))
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, bits) = text.split_once('/').ok_or(InvalidNetwork)?;
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let bits: u8 = bits.parse().map_err(|_| InvalidNetwork)?;
        let rest_is_clear = match address {
            IpAddr::V4(it) if bits <= 32 => {
                it.to_bits() & u32::MAX.checked_shr(bits.into()).unwrap_or(0) == 0
            }
            IpAddr::V6(it) if bits <= 128 => {
                it.to_bits() & u128::MAX.checked_shr(bits.into()).unwrap_or(0) == 0
            }
            IpAddr::V4(_) | IpAddr::V6(_) => false,
        };
        if rest_is_clear { Ok(Self { address, bits }) } else { Err(InvalidNetwork) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_one_spelling() {
        for text in ["10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32", "fc00::/7", "::/0", "::1/128"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        for wrong in ["", "10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "fc00::1/7", "::/129", "x/8"] {
            assert_eq!(wrong.parse::<Network>(), Err(InvalidNetwork), "{wrong}");
        }
    }

    #[test]
    fn by_default_only_private_addresses_are_asked() {
        let networks = Network::private();
        for (address, asked) in [
            ("10.1.2.3", true),
            ("172.31.255.255", true),
            ("172.32.0.0", false),
            ("192.168.1.1", true),
            ("fd12::1", true),
            ("::ffff:10.0.0.1", true),
            ("127.0.0.1", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("169.254.169.254", false),
            ("fe80::1", false),
            ("0.0.0.0", false),
            ("::", false),
            ("224.0.0.1", false),
            ("ff02::1", false),
            ("255.255.255.255", false),
            ("192.0.2.1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(may_be_asked(address.parse().unwrap(), &networks), asked, "{address}");
        }
        let everything: Vec<Network> = vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
        for address in ["0.0.0.0", "0.1.2.3", "255.255.255.255", "224.0.0.1", "::", "ff02::1"] {
            assert!(!may_be_asked(address.parse().unwrap(), &everything), "{address}");
        }
    }
}

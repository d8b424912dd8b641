//! Which addresses are called for somebody for whom nobody vouches: public ones, and networks that the configuration names. Else
//! whoever may name an address here could make the server knock at its neighbours' doors (SSRF).
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde::Deserialize;

use crate::http::Endpoint;

/// A network, such as `10.20.0.0/16` or `fd00::/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: u128,
    /// How many leading bits of the IPv6 form are compared.
    bits: u32,
}

/// The text is not a [`Network`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a network: an address and the number of its leading bits are expected, such as 10.20.0.0/16"
)]
pub struct InvalidNetwork;

/// The address is neither public nor in a configured network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it has no address outside, and an application that registered itself is not called at others"
)]
pub struct Inside;

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, bits) = text.split_once('/').ok_or(InvalidNetwork)?;
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let bits: u32 = bits.parse().map_err(|_| InvalidNetwork)?;
        let (most, skipped) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        if bits > most {
            return Err(InvalidNetwork);
        }
        let network = Self { base: wide(address), bits: bits + skipped };
        // Bits behind the prefix are a slip of whoever wrote it.
        if network.base == network.prefix(network.base) { Ok(network) } else { Err(InvalidNetwork) }
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Network {
    fn prefix(self, address: u128) -> u128 {
        address & u128::MAX.checked_shl(128 - self.bits).unwrap_or(0)
    }

    /// Whether the address is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        self.prefix(wide(address)) == self.base
    }
}

/// IPv4 addresses as IPv6 writes them (RFC 4291 §2.5.5.2).
fn wide(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// What may be called for somebody for whom nobody vouches.
#[derive(Clone, Debug, Default)]
pub struct Reach(Arc<[Network]>);

impl Reach {
    /// Public addresses, and these networks.
    pub fn new(networks: &[Network]) -> Self {
        Self(networks.into())
    }

    /// Whether the address may be called.
    pub fn admits(&self, address: IpAddr) -> bool {
        is_public(address) || self.0.iter().any(|network| network.contains(address))
    }

    /// Refuses an endpoint that is itself an address which may not be called, and everything in clear. A name is looked up when
    /// it is called, and judged then: see [`Resolve`].
    pub(crate) fn check(&self, endpoint: &Endpoint) -> Result<(), Inside> {
        if !endpoint.is_https() {
            return Err(Inside);
        }
        match endpoint.address() {
            Some(address) if !self.admits(address) => Err(Inside),
            Some(_) | None => Ok(()),
        }
    }
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let outside: Vec<SocketAddr> =
                found.filter(|address| reach.admits(address.ip())).collect();
            if outside.is_empty() {
                return Err(Box::new(Inside) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(outside.into_iter()) as Addrs)
        })
    }
}

/// Whether everybody on the Internet may have it (IANA's special-purpose registries, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_public_v4(mapped),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b));
    !special
}

/// Global unicast (`2000::/3`), without what carries IPv4 addresses of its own choice (6to4, `Teredo`) or documents.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let tunnels = first == 0x2002 || (first == 0x2001 && second < 0x0200);
    let documents = (first == 0x2001 && second == 0x0db8) || (first == 0x3fff && second < 0x1000);
    first & 0xe000 == 0x2000 && !tunnels && !documents
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_the_internet_is_reached_unless_the_configuration_names_more() {
        let reach = Reach::default();
        for outside in ["93.184.216.34", "2606:2800:220:1::1", "100.128.0.1", "172.32.0.1"] {
            assert!(reach.admits(address(outside)), "{outside}");
        }
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!reach.admits(address(inside)), "{inside}");
        }
        let reach = Reach::new(&["10.20.0.0/16".parse().unwrap(), "fd12::/16".parse().unwrap()]);
        assert!(reach.admits(address("10.20.255.1")) && reach.admits(address("::ffff:10.20.0.1")));
        assert!(reach.admits(address("fd12::7")));
        assert!(!reach.admits(address("10.21.0.1")) && !reach.admits(address("fd13::7")));
    }

    #[test]
    fn networks_are_read_and_slips_are_refused() {
        for good in ["0.0.0.0/0", "127.0.0.1/32", "::/0", "fe80::/10"] {
            good.parse::<Network>().unwrap();
        }
        for bad in ["10.0.0.0", "10.0.0.0/33", "10.0.0.1/8", "fd00::/129", "ten/8", "10.0.0.0/"] {
            assert_eq!(bad.parse::<Network>(), Err(InvalidNetwork), "{bad}");
        }
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains(address("127.0.0.1")) && !all.contains(address("::1")));
    }

    #[test]
    fn an_address_in_a_url_is_judged_before_it_is_called() {
        let reach = Reach::default();
        let check = |url: &str| reach.check(&url.parse().unwrap());
        for inside in
            ["https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1:8443/x", "http://localhost/"]
        {
            assert_eq!(check(inside), Err(Inside), "{inside}");
        }
        check("https://93.184.216.34/").unwrap();
        check("https://app.example/").unwrap();
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_followed() {
        let resolved = Reach::default().resolve("localhost".parse().unwrap()).await;
        assert!(resolved.is_err_and(|error| error.is::<Inside>()));
        let here = Reach::new(&["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        let mut found = here.resolve("localhost".parse().unwrap()).await.unwrap();
        assert!(found.all(|address| address.ip().is_loopback()));
    }
}

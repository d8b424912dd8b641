//! How many connections one address has, so that it cannot take all places.
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Whoever has one IPv6 address has the other 2^64 of its network.
const NETWORK: u128 = !0 << 64;

/// The connections of each address. It holds no more addresses than there are connections.
#[derive(Debug)]
pub(super) struct Shares {
    most: u32,
    open: Mutex<HashMap<IpAddr, u32>>,
}

/// One connection of an address, until this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    address: IpAddr,
}

impl Shares {
    /// At most `most` connections for each address.
    pub(super) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default() })
    }

    /// Counts a connection; `None` when its address has its share already.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Share> {
        let address = counted(peer);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.get(&address).copied().unwrap_or(0);
        if count >= self.most {
            return None;
        }
        open.insert(address, count + 1);
        Some(Share { shares: self.clone(), address })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = self.shares.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// What connections are counted by: an IPv4 address, or the network of an IPv6 address.
fn counted(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_takes_no_more_than_its_share_until_it_gives_back() {
        let shares = Shares::new(2);
        let first = shares.take(ip("10.0.0.1")).unwrap();
        let second = shares.take(ip("::ffff:10.0.0.1")).unwrap();
        assert!(shares.take(ip("10.0.0.1")).is_none());
        let other = shares.take(ip("10.0.0.2")).unwrap();
        drop(first);
        let third = shares.take(ip("10.0.0.1")).unwrap();
        drop((second, third, other));
        assert!(shares.open.lock().unwrap().is_empty());
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let shares = Shares::new(1);
        let _first = shares.take(ip("2001:db8::1")).unwrap();
        assert!(shares.take(ip("2001:db8::2")).is_none());
        assert!(shares.take(ip("2001:db8:0:1::1")).is_some());
    }
}

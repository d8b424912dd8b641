//! Which account a connection over the loopback interface belongs to: the kernel says (`/proc/net/tcp`, proc(5)).
use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// The longest table that is read, in bytes: some thirty thousand connections.
const LONGEST: u64 = 4 << 20;
/// `TCP_ESTABLISHED`. In other states the kernel may no longer know whose a connection was, and says 0.
const ESTABLISHED: &str = "01";
/// Where logind says who sits before the machine.
const SEATS: &str = "/run/systemd/seats";

/// The accounts whose browsers may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accounts {
    /// These.
    Configured(BTreeSet<u32>),
    /// The agent's own, and whoever sits before the machine.
    AtTheDesktop,
}

impl Accounts {
    /// These accounts; with none, whoever sits before the machine.
    pub fn new(configured: &[u32]) -> Self {
        if configured.is_empty() {
            Self::AtTheDesktop
        } else {
            Self::Configured(configured.iter().copied().collect())
        }
    }

    /// Whether the connection from `peer` to `own` belongs to one of them.
    pub(super) async fn admit(&self, peer: SocketAddr, own: SocketAddr) -> bool {
        let accounts = self.clone();
        let look = move || {
            let owner = owner_of(peer, own);
            (owner, owner.is_some_and(|uid| accounts.contain(uid, Path::new(SEATS))))
        };
        let (owner, admitted) = tokio::task::spawn_blocking(look).await.unwrap_or((None, false));
        if !admitted {
            tracing::warn!(uid = owner, "another account asked the broker: refused");
        }
        admitted
    }

    /// Whether `uid` is one of them.
    pub(crate) async fn include(&self, uid: u32) -> bool {
        let accounts = self.clone();
        let look = move || accounts.contain(uid, Path::new(SEATS));
        tokio::task::spawn_blocking(look).await.unwrap_or(false)
    }

    fn contain(&self, uid: u32, seats: &Path) -> bool {
        match self {
            Self::Configured(accounts) => accounts.contains(&uid),
            Self::AtTheDesktop => {
                uid == rustix::process::geteuid().as_raw() || seated(seats).contains(&uid)
            }
        }
    }
}

/// The accounts that are active at the seats of the machine.
fn seated(seats: &Path) -> BTreeSet<u32> {
    let Ok(entries) = std::fs::read_dir(seats) else { return BTreeSet::new() };
    let texts = entries.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
    texts.filter_map(|text| active_uid(&text)).collect()
}

/// `ACTIVE_UID=` in a file of logind's.
fn active_uid(text: &str) -> Option<u32> {
    text.lines().find_map(|line| line.strip_prefix("ACTIVE_UID=")?.parse().ok())
}

/// The account of the connection from `peer` to `own`, if the kernel knows it.
fn owner_of(peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    tables.into_iter().find_map(|table| find(&read(table)?, peer, own))
}

fn read(path: &str) -> Option<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Looks a connection up in a table.
fn find(table: &str, peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, remote) = (fields.next()?, fields.next()?);
        if fields.next()? != ESTABLISHED || address(local)? != peer || address(remote)? != own {
            return None;
        }
        // tx_queue:rx_queue, tr:tm->when, retrnsmt, uid
        fields.nth(3)?.parse().ok()
    })
}

/// `0100007F:1EA5`: the words of the address as the machine keeps them, the port as people write it.
fn address(field: &str) -> Option<SocketAddr> {
    let (host, port) = field.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let text = host.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(text, 16).ok().map(u32::to_ne_bytes)
    };
    let host = match host.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let mut bytes = [0; 16];
            for (at, four) in bytes.chunks_exact_mut(4).enumerate() {
                four.copy_from_slice(&word(at)?);
            }
            IpAddr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_kernel_says_whose_a_connection_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap();
        let stream = TcpStream::connect(own).unwrap();
        let peer = stream.local_addr().unwrap();
        let me = rustix::process::geteuid().as_raw();
        assert_eq!(owner_of(peer, own), Some(me));
        let other: SocketAddr = "127.0.0.1:1".parse().unwrap();
        assert_eq!(owner_of(other, own), None);
        drop(stream);
        assert_eq!(owner_of(peer, own), None, "closed: nobody's");
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn tables_are_read_as_the_kernel_writes_them() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:1EA5 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 71 1 0 20 4 30 10 -1\n   \
            1: 0100007F:C350 0100007F:1EA5 01 00000000:00000000 00:00000000 00000000  1000        0 72 1 0 20 4 30 10 -1\n   \
            2: 0100007F:C351 0100007F:1EA5 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0\n";
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(find(table, at(50_000), at(7845)), Some(1000));
        assert_eq!(find(table, at(7845), at(50_000)), Some(0));
        assert_eq!(find(table, at(50_001), at(7845)), None, "TIME_WAIT says 0, and is nobody's");
        let six = "  sl  local remote\n  0: 0000000000000000FFFF00000100007F:C350 \
            0000000000000000FFFF00000100007F:1EA5 01 0:0 0:0 0 1001 0 1\n";
        assert_eq!(find(six, at(50_000), at(7845)), Some(1001), "IPv4 in an IPv6 socket");
    }

    #[test]
    fn who_sits_before_the_machine_may_ask_and_others_may_not() {
        let seats = tempfile::tempdir().unwrap();
        std::fs::write(
            seats.path().join("seat0"),
            "# logind\nIS_SEAT0=1\nACTIVE=3\nACTIVE_UID=4711\nSESSIONS=3 5\nUIDS=4711 4712\n",
        )
        .unwrap();
        let me = rustix::process::geteuid().as_raw();
        let desktop = Accounts::new(&[]);
        assert!(desktop.contain(4711, seats.path()) && desktop.contain(me, seats.path()));
        assert!(!desktop.contain(4712, seats.path()), "signed in, and not at the screen");
        assert!(!desktop.contain(4711, Path::new("/nowhere")));
        let kiosk = Accounts::new(&[900]);
        assert!(kiosk.contain(900, seats.path()) && !kiosk.contain(4711, seats.path()));
        assert!(!kiosk.contain(me, seats.path()) || me == 900, "only those that are named");
    }

    proptest! {
        #[test]
        fn no_table_is_too_strange(table in "[ 0-9A-F:\n]{0,300}", text in ".{0,60}") {
            let at = SocketAddr::from(([127, 0, 0, 1], 1));
            let _ = (find(&table, at, at), address(&text), active_uid(&text));
        }
    }
}

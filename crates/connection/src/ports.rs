//! Protocols and ports.
use std::fmt;
use std::str::FromStr;

use crate::text::as_text;

/// What carries the connection. Others have no connections that a machine could be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP (RFC 9293).
    Tcp,
    /// UDP (RFC 768), QUIC in it.
    Udp,
}

/// Ports of the machine that is connected to, both ends counted. Written `443`, `104-106`, or `*` for every one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ports {
    first: u16,
    last: u16,
}

/// The text is no protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a protocol: `tcp` or `udp` is expected")]
pub struct InvalidProtocol;

/// The text is no port or range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a port: 1 to 65535, a range such as `104-106`, or `*` is expected")]
pub struct InvalidPorts;

impl Protocol {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl FromStr for Protocol {
    type Err = InvalidProtocol;

    fn from_str(text: &str) -> Result<Self, InvalidProtocol> {
        match text {
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            _ => Err(InvalidProtocol),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Ports {
    /// Every port.
    pub const ALL: Self = Self { first: 1, last: u16::MAX };

    /// One port.
    pub fn one(port: u16) -> Result<Self, InvalidPorts> {
        Self::range(port, port)
    }

    /// From `first` to `last`, both counted.
    pub fn range(first: u16, last: u16) -> Result<Self, InvalidPorts> {
        if first == 0 || last < first { Err(InvalidPorts) } else { Ok(Self { first, last }) }
    }

    /// The first.
    pub const fn first(self) -> u16 {
        self.first
    }

    /// The last.
    pub const fn last(self) -> u16 {
        self.last
    }

    /// Whether the port is among them.
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl FromStr for Ports {
    type Err = InvalidPorts;

    fn from_str(text: &str) -> Result<Self, InvalidPorts> {
        // One spelling each: what `u16` would take as well (`+1`, `01`) is refused.
        let port = |text: &str| {
            let port: u16 = text.parse().map_err(|_| InvalidPorts)?;
            if port.to_string() == text { Ok(port) } else { Err(InvalidPorts) }
        };
        match (text, text.split_once('-')) {
            ("*", _) => Ok(Self::ALL),
            (_, Some((first, last))) => Self::range(port(first)?, port(last)?),
            (_, None) => Self::one(port(text)?),
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ALL => f.write_str("*"),
            Self { first, last } if first == last => write!(f, "{first}"),
            Self { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

as_text!(Protocol, Ports);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_they_are_written() {
        for text in ["1", "443", "104-106", "65535", "*"] {
            assert_eq!(text.parse::<Ports>().unwrap().to_string(), text);
        }
        assert_eq!("1-65535".parse::<Ports>().unwrap().to_string(), "*");
        for wrong in ["", "0", "+1", "01", "65536", "106-104", "0-3", "1-2-3", "1 - 2", "http"] {
            assert_eq!(wrong.parse::<Ports>(), Err(InvalidPorts), "{wrong:?}");
        }
    }
}

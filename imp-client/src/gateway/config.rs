//! What a gateway is told: `gateway.toml`.
use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use imp_identity::spiffe::SpiffeId;
use imp_service::config::ConfigError;
use serde::Deserialize;

/// The prefix of the environment variables.
pub const ENVIRONMENT: &str = "IMP_GATEWAY";
const MOST_ROUTES: usize = 256;

/// The whole configuration of a gateway. Who it is, its enrolment says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// How often things are done that nobody waits for.
    pub upkeep: Upkeep,
    /// What goes through.
    #[serde(rename = "route")]
    pub routes: Vec<Route>,
}

/// How often things are done that nobody waits for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upkeep {
    /// Where lists of revoked certificates are, `http://…/crl/….crl`: looked at as often as the policy.
    pub revocation_lists: Vec<String>,
    /// Seconds between looks at the connection policy, 1–3600.
    pub policy_seconds: u16,
    /// Seconds between reports of refusals and connections, 1–3600.
    pub report_seconds: u16,
    /// Seconds that connections have to end after the gateway is told to stop, 1–600.
    pub stop_seconds: u16,
}

/// One way through the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Names it in logs and in the streams of its messages: 1 to 32 lower-case letters, digits, `-`.
    pub name: String,
    /// What is spoken.
    pub protocol: RouteProtocol,
    /// The plain side.
    pub inside: Inside,
    /// The side with machines that show certificates.
    pub outside: Side,
    /// Whom we connect to (exactly one), or who may connect to us: nobody else, whatever the policy says. None: whomever the policy expects.
    #[serde(default)]
    pub peers: Vec<SpiffeId>,
    /// Who may have signed what comes in, if messages pass through others: the peer itself, if absent.
    #[serde(default)]
    pub signers: Vec<SpiffeId>,
    /// Whom messages that go out are for, if they pass through others: the peer, if absent.
    pub receiver: Option<SpiffeId>,
    /// What happens while the connection policy is not known: there is no copy, or its time is over.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Behind it stands a device that cannot prove who it is: what it sends is of lower assurance.
    #[serde(default)]
    pub legacy: bool,
    /// How much, and how long.
    #[serde(default)]
    pub limits: RouteLimits,
}

/// What is spoken inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteProtocol {
    /// HL7 v2 over MLLP: each message is signed.
    Mllp,
    /// HTTP/1.1: each request and each response is signed.
    Http,
    /// Any bytes: only the channel is protected.
    Tcp,
}

/// What happens while nobody can decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// Nothing goes through.
    #[default]
    Closed,
    /// Configured peers go through, and every one is reported.
    Open,
}

/// The plain side of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inside {
    /// Where the gateway listens: `address:port`.
    pub listen: Option<String>,
    /// Where it connects: `name:port`.
    pub connect: Option<String>,
    /// The addresses that may connect; any, if none.
    #[serde(default)]
    pub only_from: Vec<IpAddr>,
}

/// The other side of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// Where the gateway listens: `address:port`.
    pub listen: Option<String>,
    /// Where it connects: `name:port`.
    pub connect: Option<String>,
}

/// How much, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RouteLimits {
    /// Connections at a time, 1–1000. At most so many messages of `message_bytes` are in memory.
    pub connections: u16,
    /// Bytes of one message, 1 KiB–64 MiB.
    pub message_bytes: u32,
    /// Seconds that a connection may be silent, 1–86400.
    pub idle_seconds: u32,
    /// Seconds for an answer, 1–600.
    pub answer_seconds: u16,
    /// Seconds that a message may be old, 1–86400.
    pub message_age_seconds: u32,
    /// Seconds that the sender's clock may be ahead, 0–3600.
    pub ahead_seconds: u16,
}

/// Which way connections go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From inside to a peer.
    Out {
        /// Where the gateway listens, inside.
        listen: String,
        /// Where the peer is.
        connect: String,
        /// Who the peer is.
        peer: SpiffeId,
    },
    /// From peers to inside.
    In {
        /// Where the gateway listens, outside.
        listen: String,
        /// Where the application is.
        connect: String,
    },
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidGatewayConfig {
    /// It cannot be read.
    #[error(transparent)]
    Load(#[from] ConfigError),
    /// There is nothing to do, or too much.
    #[error("between 1 and {MOST_ROUTES} routes are expected")]
    Routes,
    /// Two routes of one name.
    #[error("there are two routes `{0}`")]
    Twice(String),
    /// A route does not make sense.
    #[error("the route `{route}` cannot be used: {why}")]
    Route {
        /// Which.
        route: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A number is out of its range.
    #[error("`{key}` must be between {least} and {most}")]
    Range {
        /// The key.
        key: String,
        /// Smallest value.
        least: u32,
        /// Largest value.
        most: u32,
    },
}

impl Default for Upkeep {
    fn default() -> Self {
        Self { revocation_lists: vec![], policy_seconds: 60, report_seconds: 30, stop_seconds: 20 }
    }
}

impl Default for RouteLimits {
    fn default() -> Self {
        Self {
            connections: 16,
            message_bytes: 4 << 20,
            idle_seconds: 3600,
            answer_seconds: 30,
            message_age_seconds: 300,
            ahead_seconds: 30,
        }
    }
}

impl RouteLimits {
    /// The longest message, in bytes.
    pub fn message(&self) -> usize {
        usize::try_from(self.message_bytes).unwrap_or(usize::MAX)
    }

    /// How long a connection may be silent.
    pub fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds.into())
    }

    /// How long an answer may take.
    pub fn answer(&self) -> Duration {
        Duration::from_secs(self.answer_seconds.into())
    }
}

impl GatewayConfig {
    /// Reads `file`, then the environment.
    pub fn load(
        file: &Path,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, InvalidGatewayConfig> {
        let config: Self = imp_service::config::load(Some(file), ENVIRONMENT, env)?;
        config.check()?;
        Ok(config)
    }

    /// Looks for what cannot be meant.
    pub fn check(&self) -> Result<(), InvalidGatewayConfig> {
        if !(1..=MOST_ROUTES).contains(&self.routes.len()) {
            return Err(InvalidGatewayConfig::Routes);
        }
        let Upkeep { policy_seconds, report_seconds, stop_seconds, .. } = self.upkeep;
        within("upkeep.policy_seconds", policy_seconds.into(), 1, 3600)?;
        within("upkeep.report_seconds", report_seconds.into(), 1, 3600)?;
        within("upkeep.stop_seconds", stop_seconds.into(), 1, 600)?;
        let mut names = HashSet::new();
        for route in &self.routes {
            if !names.insert(&route.name) {
                return Err(InvalidGatewayConfig::Twice(route.name.clone()));
            }
            route.check()?;
        }
        Ok(())
    }
}

impl Route {
    /// Which way connections go; `None` when the sides do not fit.
    pub fn direction(&self) -> Option<Direction> {
        let Self { inside, outside, peers, .. } = self;
        match (&inside.listen, &inside.connect, &outside.listen, &outside.connect) {
            (Some(listen), None, None, Some(connect)) => {
                let [peer] = peers.as_slice() else { return None };
                let (listen, connect, peer) = (listen.clone(), connect.clone(), peer.clone());
                Some(Direction::Out { listen, connect, peer })
            }
            (None, Some(connect), Some(listen), None) => {
                Some(Direction::In { listen: listen.clone(), connect: connect.clone() })
            }
            _ => None,
        }
    }

    fn check(&self) -> Result<(), InvalidGatewayConfig> {
        let wrong = |why| Err(InvalidGatewayConfig::Route { route: self.name.clone(), why });
        let valid = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=32).contains(&self.name.len()) || !self.name.bytes().all(valid) {
            return wrong("its name is 1 to 32 lower-case letters, digits and `-`");
        }
        let Some(direction) = self.direction() else {
            return wrong(
                "it has `inside.listen` and `outside.connect` with one peer, or `outside.listen` and `inside.connect`",
            );
        };
        match direction {
            Direction::Out { connect, .. } if port_of(&connect).is_none() => {
                return wrong("`outside.connect` is `name:port`");
            }
            _ if self.protocol == RouteProtocol::Tcp
                && (!self.signers.is_empty() || self.receiver.is_some()) =>
            {
                return wrong("raw TCP carries no signatures: neither `signers` nor `receiver`");
            }
            Direction::In { .. } if self.receiver.is_some() => {
                return wrong("`receiver` is for routes that connect outside");
            }
            Direction::In { .. } if !self.inside.only_from.is_empty() => {
                return wrong("`inside.only_from` is for routes that listen inside");
            }
            Direction::In { .. } if self.on_failure == OnFailure::Open && self.peers.is_empty() => {
                return wrong("a route that fails open has to name its peers");
            }
            Direction::Out { .. } | Direction::In { .. } => {}
        }
        self.limits.check(&self.name)
    }
}

impl RouteLimits {
    fn check(&self, route: &str) -> Result<(), InvalidGatewayConfig> {
        for (key, value, least, most) in [
            ("connections", self.connections.into(), 1, 1000),
            ("message_bytes", self.message_bytes, 1 << 10, 64 << 20),
            ("idle_seconds", self.idle_seconds, 1, 86_400),
            ("answer_seconds", self.answer_seconds.into(), 1, 600),
            ("message_age_seconds", self.message_age_seconds, 1, 86_400),
            ("ahead_seconds", self.ahead_seconds.into(), 0, 3600),
        ] {
            within(&format!("{route}.limits.{key}"), value, least, most)?;
        }
        Ok(())
    }
}

fn within(key: &str, value: u32, least: u32, most: u32) -> Result<(), InvalidGatewayConfig> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(InvalidGatewayConfig::Range { key: key.to_owned(), least, most })
}

/// The port of `name:port` or `[address]:port`.
pub(super) fn port_of(place: &str) -> Option<u16> {
    let (name, port) = place.rsplit_once(':')?;
    port.parse().ok().filter(|port| *port != 0 && !name.is_empty())
}

/// The name of `name:port`, without the brackets of an address.
pub(super) fn name_of(place: &str) -> &str {
    let name = place.rsplit_once(':').map_or(place, |(name, _)| name);
    name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "spiffe://hospital.example/device/01890a5d-ac96-774b-bcce-b302099a8057";

    fn load(text: &str) -> Result<GatewayConfig, InvalidGatewayConfig> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.toml");
        std::fs::write(&file, text).unwrap();
        GatewayConfig::load(&file, std::iter::empty())
    }

    fn route(lines: &str) -> String {
        format!("[[route]]\nname = \"results\"\nprotocol = \"mllp\"\n{lines}")
    }

    #[test]
    fn the_documented_example_is_valid() {
        let config = load(include_str!("../../gateway.example.toml")).unwrap();
        assert_eq!(config.upkeep, Upkeep::default());
        let directions: Vec<_> = config.routes.iter().map(Route::direction).collect();
        assert!(matches!(directions[0], Some(Direction::Out { .. })));
        assert!(matches!(directions[1], Some(Direction::In { .. })));
        assert_eq!(config.routes[0].limits, RouteLimits::default());
        assert_eq!(config.routes[0].on_failure, OnFailure::Closed);
    }

    #[test]
    fn routes_that_make_no_sense_are_refused() {
        let out = format!(
            "inside.listen = \"127.0.0.1:2575\"\noutside.connect = \"b:6661\"\npeers = [\"{PEER}\"]\n"
        );
        assert!(load(&route(&out)).is_ok());
        let within = "inside.connect = \"ehr:2575\"\noutside.listen = \"0.0.0.0:6661\"\n";
        assert!(load(&route(within)).is_ok());
        let twice = [route(within), route(within)].concat();
        for (text, says) in [
            (String::new(), "between 1 and 256"),
            (twice, "two routes `results`"),
            (route(within).replace("\"results\"", "\"Results\""), "its name"),
            (route(&out).replace(PEER, ""), "SPIFFE ID"),
            (route(&out.replace("peers", "#")), "one peer"),
            (route(&out.replace(":6661", "")), "name:port"),
            (route(&format!("{within}inside.listen = \"0.0.0.0:1\"\n")), "inside.listen"),
            (route(&format!("{within}inside.only_from = [\"::1\"]\n")), "only_from"),
            (route(&format!("{within}on_failure = \"open\"\n")), "name its peers"),
            (route(&format!("{within}limits.connections = 0\n")), "results.limits.connections"),
            (route(&format!("{within}limits.bytes = 0\n")), "bytes"),
            (format!("[upkeep]\nreport_seconds = 0\n{}", route(within)), "report_seconds"),
        ] {
            let error = load(&text).unwrap_err().to_string();
            assert!(error.contains(says), "{error} for {text}");
        }
    }

    #[test]
    fn places_have_a_name_and_a_port() {
        assert_eq!((name_of("[::1]:80"), port_of("[::1]:80")), ("::1", Some(80)));
        assert_eq!((name_of("a.example:80"), port_of("a.example:80")), ("a.example", Some(80)));
        for wrong in ["a", "a:", ":80", "a:0", "a:65536"] {
            assert_eq!(port_of(wrong), None, "{wrong}");
        }
    }
}

//! Names and TXT records, from the configured servers or the system's.
use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::{ResolverBuilder, TokioResolver};

/// The longest wait for an answer of one server.
const ANSWER: Duration = Duration::from_secs(3);

/// Asks for names. It keeps no answer: what a client has just changed is seen.
pub(super) struct Resolver {
    servers: Vec<SocketAddr>,
    opened: OnceLock<TokioResolver>,
}

impl Resolver {
    /// With these servers; with none, the system's.
    pub(super) fn new(servers: &[SocketAddr]) -> Self {
        Self { servers: servers.to_vec(), opened: OnceLock::new() }
    }

    /// The addresses of a host.
    pub(super) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, NetError> {
        // With the final dot, no search domain of the system is tried.
        let found = self.opened()?.lookup_ip(format!("{name}.")).await?;
        Ok(found.iter().collect())
    }

    /// What the TXT records of a name say.
    pub(super) async fn texts(&self, name: &str) -> Result<Vec<Vec<u8>>, NetError> {
        let found = self.opened()?.txt_lookup(format!("{name}.")).await?;
        let text = |data: &RData| {
            let RData::TXT(text) = data else { return None };
            Some(text.txt_data.concat())
        };
        Ok(found.answers().iter().filter_map(|record| text(&record.data)).collect())
    }

    /// Opened at the first question, so that a server without names starts without them.
    fn opened(&self) -> Result<&TokioResolver, NetError> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let mut builder = self.builder()?;
        let options = builder.options_mut();
        options.timeout = ANSWER;
        options.attempts = 1;
        options.cache_size = 0;
        let opened = builder.build()?;
        Ok(self.opened.get_or_init(|| opened))
    }

    fn builder(&self) -> Result<ResolverBuilder<TokioRuntimeProvider>, NetError> {
        if self.servers.is_empty() {
            return TokioResolver::builder_tokio();
        }
        let servers = self.servers.iter().map(|server| {
            let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
            for connection in &mut connections {
                connection.port = server.port();
            }
            NameServerConfig::new(server.ip(), true, connections.to_vec())
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        Ok(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
    }
}

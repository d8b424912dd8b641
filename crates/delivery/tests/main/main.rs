//! Deliveries to real receivers on loopback: HTTP, `nats-server` and `rsyslogd`.
#[cfg(test)]
mod entries;
#[cfg(test)]
mod http;
#[cfg(test)]
mod nats;
#[cfg(test)]
mod process;
#[cfg(test)]
mod syslog;

//! Deliveries to real receivers on loopback: HTTP, `nats-server` and `rsyslogd`.
mod entries;
mod http;
mod nats;
mod process;
mod syslog;

//! How often strangers may try: limits by address on what anyone may ask. Nothing is locked by the name of an account, so that
//! nobody can lock out somebody else: who fails spends the attempts of her own address, and the right credential at another
//! address, and a certificate or passkey at the same one, are answered all the while.
use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;

use super::problem;
use crate::config::{Config, LimitsConfig};

mod buckets;

use buckets::Buckets;
pub(crate) use buckets::Wait;

/// The address at the other end of the connection. The listener puts it in each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

/// The limits of this process.
#[derive(Debug)]
pub(crate) struct Limits {
    failures: Buckets,
    openings: Buckets,
    registrations: Buckets,
}

/// What is limited of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Secrets are tried here: answers that refuse count.
    Failures,
    /// Something is kept for whoever asks: each request counts.
    Openings,
    /// Each request counts for much.
    Registrations,
}

/// Operations that anyone may ask for, and that a secret or a place in the database pays for.
const LIMITED: &[(&str, Limit)] = &[
    ("sign_in", Limit::Failures),
    ("bind_phone", Limit::Failures),
    ("acme_new_account", Limit::Failures),
    ("enrol_workstation", Limit::Failures),
    ("enrol_device", Limit::Failures),
    ("show_notice", Limit::Failures),
    ("dispute_noticed_use", Limit::Failures),
    ("begin_passkey", Limit::Openings),
    ("finish_passkey", Limit::Openings),
    ("redeem_handover", Limit::Openings),
    ("redeem_code_in_browser", Limit::Failures),
    ("await_phone", Limit::Openings),
    ("account", Limit::Openings),
    ("authorize", Limit::Openings),
    ("authorize_by_form", Limit::Openings),
    ("enter_device_code", Limit::Openings),
    ("register_itself", Limit::Registrations),
    ("own_registration", Limit::Failures),
    ("end_own_registration", Limit::Failures),
    ("saml_sign_on", Limit::Openings),
    ("saml_post_request", Limit::Openings),
    ("saml_continue", Limit::Openings),
];

impl Limits {
    /// Limits by the configuration.
    pub(crate) fn new(config: &LimitsConfig) -> Self {
        Self {
            failures: Buckets::new(config.failures_per_minute),
            openings: Buckets::new(config.openings_per_minute),
            registrations: Buckets::new(config.registrations_per_minute),
        }
    }

    /// Whether this address may ask for this operation now. One attempt is taken at once, so that many at the same time are as
    /// many.
    pub(crate) fn before(
        &self,
        limit: Limit,
        who: Neighbourhood,
        now: Timestamp,
    ) -> Result<(), Wait> {
        match limit {
            Limit::Failures => self.failures.take(&who, now),
            Limit::Openings => self.openings.take(&who, now),
            Limit::Registrations => self.registrations.take(&who, now),
        }
    }

    /// Gives the attempt back when only failures count and this was none.
    pub(crate) fn after(&self, limit: Limit, who: Neighbourhood, status: StatusCode) {
        if limit == Limit::Failures && !status.is_client_error() {
            self.failures.give_back(&who);
        }
    }

    /// Whether somebody at this address may try a secret of this account or client now. For handlers that know whose. Nothing is
    /// taken before the answer: an application asks many times at once, and its secrets cannot be guessed in a burst.
    pub(crate) fn may_try(&self, whose: &str, parts: &Parts, now: Timestamp) -> Result<(), Wait> {
        self.failures.look(&(neighbourhood(parts), whose), now)
    }

    /// Counts a wrong secret of this account or client.
    pub(crate) fn failed(&self, whose: &str, parts: &Parts, now: Timestamp) {
        let _ = self.failures.take(&(neighbourhood(parts), whose), now);
    }
}

/// An IPv4 address, or an IPv6 network /64, which is what one subscriber has (RFC 6177).
pub(crate) type Neighbourhood = u64;

/// Where a request comes from.
pub(crate) fn neighbourhood(parts: &Parts) -> Neighbourhood {
    let address = parts.extensions.get::<PeerAddress>();
    address.map_or(u64::MAX, |address| neighbourhood_of(address.0))
}

/// Where an address belongs.
pub(crate) fn neighbourhood_of(address: IpAddr) -> Neighbourhood {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX),
    }
}

/// What is limited of an operation, if anything is.
pub(crate) fn limit_of(operation: &str, config: &Config) -> Option<Limit> {
    if operation == "acme_new_account" && !config.acme.binding_required {
        // Whoever needs no key has accounts for the asking, each a row and an entry of the log.
        return Some(Limit::Registrations);
    }
    LIMITED.iter().find(|(name, _)| *name == operation).map(|(_, limit)| *limit)
}

impl Wait {
    /// `429 Too Many Requests` with `Retry-After` in seconds (RFC 6585 §4, RFC 9110 §10.2.3).
    pub(crate) fn answer(self) -> Response {
        let seconds = self.0.as_secs().saturating_add(1);
        let problem = problem::TOO_SOON.says("Too many attempts from here. Wait, and try again.");
        let mut response = problem.into_response();
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::operations;
    use crate::http::router::contract;
    use imp_access::CallerKind;

    #[test]
    fn every_limited_operation_exists_and_is_for_anyone() {
        let operations = operations(&contract()).unwrap();
        for (name, _) in LIMITED {
            let found = operations.iter().find(|operation| operation.id == *name);
            let found = found.unwrap_or_else(|| panic!("{name} is not in the contract"));
            assert_eq!(found.callers, [CallerKind::Anyone], "{name}");
        }
    }

    #[test]
    fn accounts_without_a_key_are_counted_as_registrations() {
        let mut config = Config::default();
        config.acme.binding_required = true;
        assert_eq!(limit_of("acme_new_account", &config), Some(Limit::Failures));
        config.acme.binding_required = false;
        assert_eq!(limit_of("acme_new_account", &config), Some(Limit::Registrations));
        assert_eq!(limit_of("sign_in", &config), Some(Limit::Failures));
    }

    #[test]
    fn an_ipv6_network_is_one_neighbour() {
        let of = |address: &str| {
            let mut parts = axum::http::Request::new(()).into_parts().0;
            parts.extensions.insert(PeerAddress(address.parse().unwrap()));
            neighbourhood(&parts)
        };
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.2"), of("192.0.2.1"));
    }
}

//! Renewing the certificate before it expires, and when to try again.
use std::sync::Arc;

use imp_api::ClientError;
use imp_api::machine::RenewCertificate;
use imp_authenticator::{SignError, certificate_request};
use imp_identity::Clock;
use jiff::{SignedDuration, Timestamp};

use crate::Phone;
use crate::holder::{ConnectError, Holder, HolderError, check_credentials};
use crate::state::StateError;

const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(30);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// The certificate was not renewed.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// Nobody's phone.
    #[error("this phone is not bound: it has no certificate")]
    NotBound,
    /// It serves, and renews its certificate by itself.
    #[error("this phone is running, and renews its certificate by itself")]
    Serving,
    /// Its key or binding.
    #[error("this phone cannot act as the one it was bound as")]
    Holder(#[from] HolderError),
    /// The server cannot be asked.
    #[error("the server cannot be asked")]
    Connect(#[from] ConnectError),
    /// The server did not answer, or said no.
    #[error("the server did not renew the certificate")]
    Server(#[from] ClientError),
    /// The request could not be signed.
    #[error("the certificate could not be requested")]
    Sign(#[from] SignError),
    /// The answer is not a renewal.
    #[error("the server's answer cannot be used: {0}")]
    Answer(&'static str),
    /// The new certificate could not be stored.
    #[error("the new certificate could not be stored")]
    State(#[from] StateError),
}

impl Phone {
    /// Asks the server for a new certificate now, and says until when it counts. A phone that serves does so by itself, in time.
    pub async fn renew(&self, clock: Arc<dyn Clock>) -> Result<Timestamp, RenewError> {
        let _not_serving = self.state().claim_serving()?.ok_or(RenewError::Serving)?;
        let holder = Holder::load(self)?.ok_or(RenewError::NotBound)?;
        Ok(holder.renew(clock).await?.binding.credentials.expires_at)
    }
}

impl Holder {
    /// Asks the server for a new certificate and stores it.
    pub(crate) async fn renew(&self, clock: Arc<dyn Clock>) -> Result<Self, RenewError> {
        let now = clock.now();
        let body =
            RenewCertificate { certificate_request: certificate_request(&self.signer)?.into() };
        let credentials = self.client(clock)?.renew_certificate(&body).await?;
        if credentials.spiffe_id != self.binding.credentials.spiffe_id {
            return Err(RenewError::Answer("the certificate is for another machine"));
        }
        check_credentials(&credentials, self.signer.as_ref()).map_err(RenewError::Answer)?;
        let receipt = credentials.receipt.clone();
        let renewed = self.renewed(credentials);
        {
            let _lock = self.phone.state().change()?;
            renewed.binding.save(self.phone.state())?;
        }
        renewed.keep_certificate(receipt.as_ref(), now);
        Ok(renewed)
    }
}

/// When to try again: at once, then after waits that double from 30 s to an hour.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Retry {
    failures: u32,
    at: Option<Timestamp>,
}

impl Retry {
    /// Whether it is time. A wait longer than the longest means that the clock was set back: it is over.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.at.is_none_or(|at| now >= at || at.duration_since(now) > LONGEST_WAIT)
    }

    /// Counts a failure and returns when to try again.
    pub(crate) fn failed(&mut self, now: Timestamp) -> Timestamp {
        let wait = (FIRST_WAIT * (1 << self.failures.min(7))).min(LONGEST_WAIT);
        self.failures = self.failures.saturating_add(1);
        let at = now + wait;
        self.at = Some(at);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;

    #[test]
    fn waits_double_up_to_an_hour_and_end_when_the_clock_is_set_back() {
        let now = "2026-11-22T07:00:00Z".parse::<Timestamp>().unwrap();
        let mut retry = Retry::default();
        assert!(retry.is_due(now));
        let waits: Vec<_> =
            (0..9).map(|_| retry.failed(now).duration_since(now).as_secs()).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert!(!retry.is_due(now + 59.minutes()));
        assert!(retry.is_due(now + 60.minutes()));
        assert!(retry.is_due(now - 5.hours()));
    }
}

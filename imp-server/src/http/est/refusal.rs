//! Refusals, each with its word.
use std::error::Error;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use imp_identity::DeviceId;
use imp_identity::device::EnrolmentMeans;
use imp_storage::StorageError;

use crate::app::{self, App};
use crate::command;
use crate::http::limits::Neighbourhood;

/// Why nothing was enrolled.
pub(super) struct Refused {
    status: StatusCode,
    /// What the log says.
    word: &'static str,
    /// What people read.
    said: String,
    device: Option<DeviceId>,
    means: EnrolmentMeans,
    /// Whether the log is told.
    recorded: bool,
}

impl Refused {
    /// Refuses with a word and nothing more to say.
    pub(super) fn unread(status: StatusCode, word: &'static str) -> Self {
        Self {
            status,
            word,
            said: sentence(word).to_owned(),
            device: None,
            means: EnrolmentMeans::Est,
            recorded: true,
        }
    }

    /// Refuses with a word because of `error`, whose message says it well.
    pub(super) fn said(status: StatusCode, word: &'static str, error: &dyn Error) -> Self {
        Self { said: format!("{error}.\n"), ..Self::unread(status, word) }
    }

    /// Asks for credentials: nothing has been refused yet.
    pub(super) fn asks() -> Self {
        Self { recorded: false, ..Self::unread(StatusCode::UNAUTHORIZED, "no-credential") }
    }

    /// The server cannot answer now, whoever asks.
    pub(super) fn broken(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error, "an enrolment failed");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { recorded: false, ..Self::unread(status, "failed") }
    }

    /// The database cannot be read or written now.
    pub(super) fn unstored(error: &StorageError) -> Self {
        if matches!(error, StorageError::Busy) {
            return Self {
                recorded: false,
                ..Self::unread(StatusCode::SERVICE_UNAVAILABLE, "busy")
            };
        }
        Self::broken(error)
    }

    /// The log knows already.
    pub(super) fn unrecorded(self) -> Self {
        Self { recorded: false, ..self }
    }

    /// Of this device.
    pub(super) fn of(self, device: DeviceId) -> Self {
        Self { device: Some(device), ..self }
    }

    /// By this means.
    pub(super) fn by(self, means: EnrolmentMeans) -> Self {
        Self { means, ..self }
    }

    /// Tells the log; of each device, or of nobody known at a place, once a minute for each word. A refusal that cannot be
    /// recorded is a refusal all the same.
    pub(super) async fn record(&self, app: &App, from: Neighbourhood) {
        let whose = self.device.map_or_else(|| from.to_string(), |device| device.to_string());
        if !self.recorded || !app.newcomers.admit(whose, self.word, app.now()) {
            return;
        }
        tracing::info!(word = self.word, device = ?self.device, "refused to enrol");
        let mut rng = app::rng();
        let context = &mut app.context(&mut rng);
        let recorded = command::refuse_enrolment(context, self.device, self.means, self.word).await;
        if let Err(error) = recorded {
            let error = &error as &dyn Error;
            tracing::warn!(error, word = self.word, "a refusal was not recorded");
        }
    }

    /// The answer: a status, and a line of text (RFC 7030 §4.2.3).
    pub(super) fn answer(self) -> Response {
        let mut response = (self.status, self.said).into_response();
        let kind = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"IMP enrolment\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// What people read of a word.
fn sentence(word: &str) -> &'static str {
    match word {
        "not-pkcs10" => "A PKCS#10 request is expected, of the type application/pkcs10.\n",
        "request-too-large" => "The request is too large.\n",
        "linking-unverifiable" => {
            "The request has a challengePassword, which cannot be verified under TLS 1.3: leave it out.\n"
        }
        "no-credential" => {
            "Show a client certificate, or the device's one-time code by HTTP Basic authentication.\n"
        }
        "code-invalid" => "The one-time code does not count.\n",
        "code-of-another-device" => "The one-time code is another device's.\n",
        "not-in-inventory" => "No device with this serial number is in the inventory.\n",
        "no-serial-number" => {
            "The manufacturer's certificate has no serial number of the device.\n"
        }
        "not-a-device" => "Workstations and phones do not enrol here.\n",
        "not-counting" => "The certificate no longer counts, or its device is not in use.\n",
        "other-names" => "A certificate is renewed for the names that it has.\n",
        "certificate-needed" => "Who renews a certificate shows it.\n",
        "busy" => "The server is busy. Try again.\n",
        _ => "The server has a problem. Tell whoever runs it.\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_a_sentence() {
        let fallback = sentence("failed");
        for word in [
            "not-pkcs10",
            "request-too-large",
            "linking-unverifiable",
            "no-credential",
            "code-invalid",
            "code-of-another-device",
            "not-in-inventory",
            "no-serial-number",
            "not-a-device",
            "not-counting",
            "other-names",
            "certificate-needed",
        ] {
            assert_ne!(sentence(word), fallback, "{word}");
            assert!(sentence(word).ends_with(".\n"), "{word}");
        }
    }
}

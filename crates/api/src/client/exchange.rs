//! The one question that is not asked in JSON.
use imp_identity::SessionId;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;

use super::{Client, ClientError, bounded};
use crate::problem::Problem;
use crate::session::{ExchangeSession, ExchangedToken};

/// An error of OAuth (RFC 6749 §5.2).
#[derive(Deserialize)]
struct Refused {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Client {
    /// `POST /oauth/token` by a workstation: exchanges the session of its desktop (RFC 8693). A refusal becomes a problem with OAuth's code.
    pub async fn exchange_session(
        &self,
        session: SessionId,
        wanted: &ExchangeSession,
    ) -> Result<ExchangedToken, ClientError> {
        let form = form(session, wanted);
        let request = self.asking(Method::POST, "oauth/token")?;
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        let response = request.send().await.map_err(ClientError::Unreachable)?;
        let status = response.status();
        let body = bounded(response).await?;
        let answer = ClientError::Answer { status: status.as_u16() };
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| answer);
        }
        let Ok(refused) = serde_json::from_slice::<Refused>(&body) else { return Err(answer) };
        let title = format!("{}: {}", refused.error, refused.error_description);
        Err(ClientError::Problem(Box::new(Problem::new(status.as_u16(), &refused.error, title))))
    }
}

fn form(session: SessionId, wanted: &ExchangeSession) -> String {
    let requested = if wanted.id_token { "id_token" } else { "access_token" };
    let requested = format!("urn:ietf:params:oauth:token-type:{requested}");
    let session = session.to_string();
    let mut pairs = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", wanted.client.as_str()),
        ("subject_token", &session),
        ("subject_token_type", "urn:imp:token-type:session"),
        ("requested_token_type", &requested),
    ];
    pairs.extend(wanted.scope.as_deref().map(|scope| ("scope", scope)));
    pairs.extend(wanted.resource.as_deref().map(|resource| ("resource", resource)));
    let escaped: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    escaped.join("&")
}

/// `application/x-www-form-urlencoded` (URL standard §5.2).
fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                escaped.push(char::from(byte));
            }
            b' ' => escaped.push('+'),
            // Writing to a string cannot fail.
            other => write!(escaped, "%{other:02X}").unwrap_or_default(),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_value_ends_it() {
        let wanted = ExchangeSession {
            client: "a&client_id=b".to_owned(),
            scope: Some("openid profile".to_owned()),
            ..ExchangeSession::default()
        };
        let form = form(SessionId::from_bytes([0; 16]), &wanted);
        assert!(form.contains("&client_id=a%26client_id%3Db&"), "{form}");
        assert!(form.ends_with("&scope=openid+profile"), "{form}");
        assert_eq!(escape("é%"), "%C3%A9%25");
    }
}

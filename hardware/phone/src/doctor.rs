//! What is well with the phone and what is not.
use std::sync::Arc;

use imp_api::ClientError;
use imp_identity::Clock;

use crate::Phone;
use crate::attend::explain;
use crate::conduct::TapError;
use crate::holder::Holder;
use crate::receipts::{End, Receipts};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub what: &'static str,
    /// What is well with it, or what is wrong.
    pub result: Result<String, String>,
}

/// A label for trying the keystore.
const TRIAL: &str = "phone-doctor";

impl Phone {
    /// Looks at keystore, binding, certificate, reference, receipts and the way to the server. Blocks for
    /// milliseconds, and waits for the server.
    pub async fn examine(&self, clock: Arc<dyn Clock>) -> Vec<Finding> {
        let keystore = Finding { what: "keystore", result: self.try_keystore() };
        let receipts = Finding { what: "receipts", result: self.examine_receipts() };
        let mut findings = vec![keystore, receipts];
        match Holder::load(self) {
            Ok(None) => findings.push(Finding {
                what: "binding",
                result: Err("this phone is not bound".to_owned()),
            }),
            Ok(Some(holder)) => findings.extend(holder.examine(clock).await),
            Err(error) => {
                findings.push(Finding { what: "binding", result: Err(explain(&error)) });
            }
        }
        findings
    }

    fn try_keystore(&self) -> Result<String, String> {
        let keystore = self.keystore();
        let tried = keystore.seal(TRIAL, b"trial", b"content").and_then(|sealed| {
            let opened = keystore.unseal(TRIAL, b"trial", &sealed)?;
            keystore.delete(TRIAL)?;
            Ok(opened.expose().as_slice() == b"content")
        });
        match tried {
            Ok(true) => Ok("seals and opens".to_owned()),
            Ok(false) => Err("opens something else than it sealed".to_owned()),
            Err(error) => Err(explain(&error)),
        }
    }

    fn examine_receipts(&self) -> Result<String, String> {
        let file = Receipts::load(self.state()).map_err(|error| explain(&error))?;
        match file.end {
            End::Clean | End::Torn => Ok(format!("{} kept", file.kept.len())),
            End::Damaged => Err(format!("damaged after {}", file.kept.len())),
        }
    }
}

impl Holder {
    async fn examine(&self, clock: Arc<dyn Clock>) -> [Finding; 4] {
        let now = clock.now();
        let credentials = &self.binding.credentials;
        let certificate = if now >= credentials.expires_at {
            Err(format!("expired at {}: bind again with a new code", credentials.expires_at))
        } else if now >= credentials.renew_after {
            Ok(format!("valid until {}, renewal is due", credentials.expires_at))
        } else {
            Ok(format!("valid until {}", credentials.expires_at))
        };
        let reference = match self.release(now) {
            Ok((credential, _)) => Ok(format!("opens; models {}", credential.model_set)),
            Err(TapError::NoReference) => Ok("none is enrolled yet".to_owned()),
            Err(error) => Err(explain(&error)),
        };
        [
            Finding { what: "binding", result: Ok(format!("bound by {}", self.binding.server)) },
            Finding { what: "certificate", result: certificate },
            Finding { what: "reference", result: reference },
            Finding { what: "server", result: self.reach(clock).await },
        ]
    }

    /// Any answer over the verified connection will do.
    async fn reach(&self, clock: Arc<dyn Clock>) -> Result<String, String> {
        let client = self.client(clock).map_err(|error| explain(&error))?;
        match client.get::<serde_json::Value>("v1").await {
            Ok(_) | Err(ClientError::Problem(_) | ClientError::Answer { .. }) => {
                Ok(format!("{} answers", self.binding.server))
            }
            Err(error @ (ClientError::Unreachable(_) | ClientError::Url(_))) => {
                Err(explain(&error))
            }
        }
    }
}

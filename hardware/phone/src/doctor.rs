//! What is well with the phone and what is not.
use std::sync::Arc;

use imp_api::ClientError;
use imp_identity::Clock;

use crate::Phone;
use crate::attend::explain;
use crate::conduct::TapError;
use crate::evidence;
use crate::holder::Holder;
use crate::journal::{End, RECEIPTS};
use crate::judge::Judge;
use crate::seen::Seen;

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
        let file = RECEIPTS.load(self.state()).map_err(|error| explain(&error))?;
        if file.end == End::Damaged {
            return Err(format!("damaged after {}", file.kept.len()));
        }
        let refused = evidence::load(self.state()).map_err(|error| explain(&error))?.len();
        match refused {
            0 => Ok(format!("{} kept", file.kept.len())),
            refused => Err(format!(
                "{} kept, {refused} refused and kept as evidence: see `imp-phone uses`",
                file.kept.len()
            )),
        }
    }
}

impl Holder {
    async fn examine(&self, clock: Arc<dyn Clock>) -> [Finding; 5] {
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
            Finding { what: "log", result: self.examine_log() },
            Finding { what: "server", result: self.reach(clock).await },
        ]
    }

    /// Which key the log has, and what this phone has seen of it.
    fn examine_log(&self) -> Result<String, String> {
        let judge = Judge::new(&self.binding);
        let Some(key) = self.binding.log_key() else {
            return Err("its key is not known yet: it comes with the next certificate".to_owned());
        };
        let name = key.name();
        match Seen::load(self.phone.state(), judge.log_keys()).map_err(|error| explain(&error))? {
            Some(Seen { checkpoint, at, .. }) => {
                Ok(format!("{name}: {} entries, seen at {at}", checkpoint.size))
            }
            None => Ok(format!("{name}: not looked at yet (imp-phone uses --verify)")),
        }
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

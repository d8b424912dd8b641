//! The receipt of the workstation's own certificate: the server's word that its log holds what it certified.
use imp_authenticator::{StatementError, UnverifiedReceipt};
use imp_identity::spiffe::SpiffeId;
use imp_translog::{Evidence, EvidenceError, InvalidKey, VerifierKey};
use jiff::Timestamp;
use serde::Deserialize;

use crate::credentials::StoredCredentials;
use crate::tap::with_causes;

/// Where the certificate stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The name of the log.
    pub log: String,
    /// The record's place, from 0.
    pub index: u64,
}

/// The receipt of the certificate proves nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateReceiptError {
    /// It comes with the next certificate.
    #[error("the key of the server's log is not known")]
    NoLogKey,
    /// The server said something else than a key.
    #[error("the key of the server's log cannot be read")]
    LogKey(#[from] InvalidKey),
    /// It comes with the next certificate.
    #[error("there is no receipt of the certificate")]
    Missing,
    /// Not a receipt, or not one of the server's.
    #[error("the receipt of the certificate is not signed by the server")]
    Signature(#[from] StatementError),
    /// It is of something else.
    #[error("the receipt is not that of this certificate")]
    OtherCertificate,
    /// The log does not hold it.
    #[error("the receipt of the certificate is not proven by the log")]
    Evidence(#[from] EvidenceError),
}

/// What the record of a certificate says.
#[derive(Deserialize)]
struct Record {
    event: Issued,
}

#[derive(Deserialize)]
struct Issued {
    #[serde(rename = "type")]
    kind: String,
    machine: SpiffeId,
    expires_at: Timestamp,
}

impl StoredCredentials {
    /// Whether the server's log holds the certificate, by the receipt that came with it.
    pub fn prove_certificate(&self) -> Result<Proven, CertificateReceiptError> {
        let key = self.credentials.log_key.as_ref().ok_or(CertificateReceiptError::NoLogKey)?;
        let key: VerifierKey = key.parse()?;
        let receipt = self.credentials.receipt.as_ref().ok_or(CertificateReceiptError::Missing)?;
        let keys: Vec<&[u8]> = self.statement_keys().collect();
        let receipt = UnverifiedReceipt::parse(&receipt.0)?.verify_by_server(&keys)?;
        let record: Result<Record, _> = serde_json::from_str(&receipt.record);
        let issued = record.map_err(|_| CertificateReceiptError::OtherCertificate)?.event;
        if issued.kind != "certificate-issued"
            || issued.machine != self.credentials.spiffe_id
            || issued.expires_at != self.credentials.expires_at
        {
            return Err(CertificateReceiptError::OtherCertificate);
        }
        let evidence = Evidence {
            index: receipt.index,
            record: &receipt.record,
            salt: &receipt.salt,
            proof: &receipt.proof,
            checkpoint: &receipt.checkpoint,
        };
        evidence.verify(std::slice::from_ref(&key))?;
        Ok(Proven { log: key.name().to_owned(), index: receipt.index })
    }

    /// Whether the server names another key of its log in `newer` than here.
    pub(crate) fn has_another_log(&self, newer: &Self) -> bool {
        let known = &self.credentials.log_key;
        known.is_some() && *known != newer.credentials.log_key
    }

    /// Says in the log file when the receipt is not good: the certificate counts without it.
    pub(crate) fn check_receipt(&self) {
        match self.prove_certificate() {
            Ok(Proven { index, .. }) => {
                tracing::info!(log.index = index, "the certificate is in the log");
            }
            Err(error) => {
                tracing::warn!(
                    error = with_causes(&error),
                    "the certificate is not proven by the log"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Authority, NOW};
    use imp_authenticator::Receipt;
    use imp_identity::{Actor, Event, EventId};
    use imp_translog::{Checkpoint, CompactRange, LogKey, commitment, leaf_hash, sign_checkpoint};
    use uuid::Uuid;

    /// The ward's credentials, with the receipt of `expires_at` by the log of `key`.
    fn certified(ward: &Authority, key: &LogKey, expires_at: Timestamp) -> StoredCredentials {
        let mut stored = ward.credentials.clone();
        let id = EventId::from(Uuid::from_u128(8));
        let machine = stored.credentials.spiffe_id.clone();
        let event = Event::CertificateIssued { machine, serial: "07".to_owned(), expires_at };
        let record = imp_identity::Record { id, at: NOW, actor: Actor::Server, event };
        let record = serde_json::to_string(&record).unwrap();
        let (mut range, salt) = (CompactRange::new(), [3; 32]);
        range.push(leaf_hash(b"something before"), &mut |_| {});
        let proof = range.proof_of_next().0.iter().map(|hash| hash.0).collect();
        range.push(leaf_hash(&commitment(&salt, &record)), &mut |_| {});
        let origin = "hospital.example/log".to_owned();
        let tree = Checkpoint { origin, size: 2, root: range.root(), extensions: vec![] };
        let receipt = Receipt {
            event: id,
            index: 1,
            kind: "certificate-issued".to_owned(),
            at: NOW,
            user: None,
            workstation: None,
            workstation_label: String::new(),
            purpose: None,
            session: None,
            record,
            salt,
            proof,
            checkpoint: sign_checkpoint(&tree, key).unwrap().to_string(),
        };
        stored.credentials.receipt = Some(receipt.sign(ward.signer.as_ref()).unwrap().into());
        stored
    }

    #[test]
    fn a_workstation_proves_that_its_certificate_is_in_the_log() {
        let ward = Authority::new();
        let key = LogKey::generate("hospital.example/log").unwrap();
        let mut stored = certified(&ward, &key, ward.credentials.credentials.expires_at);
        assert_eq!(stored.prove_certificate(), Err(CertificateReceiptError::NoLogKey));
        stored.credentials.log_key = Some(key.verifier_key().to_string());
        let proven = Proven { log: "hospital.example/log".to_owned(), index: 1 };
        assert_eq!(stored.prove_certificate(), Ok(proven));

        let other = LogKey::generate("hospital.example/log").unwrap();
        stored.credentials.log_key = Some(other.verifier_key().to_string());
        let refused = stored.prove_certificate();
        assert!(matches!(refused, Err(CertificateReceiptError::Evidence(_))), "{refused:?}");

        let mut another = certified(&ward, &key, NOW);
        another.credentials.log_key = Some(key.verifier_key().to_string());
        assert_eq!(another.prove_certificate(), Err(CertificateReceiptError::OtherCertificate));
        another.credentials.receipt.as_mut().unwrap().0[200] ^= 1;
        assert!(matches!(another.prove_certificate(), Err(CertificateReceiptError::Signature(_))));
        another.credentials.receipt = None;
        assert_eq!(another.prove_certificate(), Err(CertificateReceiptError::Missing));
    }
}

//! From the template to a phone that keeps it. The template, its key and its salt are never written here.
use std::time::Duration;

use imp_api::enrolment::{ConfirmReference, IssueReference, ReferenceIssued};
use imp_authenticator::credential::{UnverifiedReferenceCredential, reference_digest};
use imp_authenticator::message::{Message, ReleasedReference, StoreReference};
use imp_authenticator::storage::UnverifiedStorageStatement;
use imp_authenticator::{Salt, StatementError};
use imp_biometrics::{Template, TemplateKey};
use imp_hardware::ble::Address;
use imp_identity::{Digest, Secret};
use rand_core::UnwrapErr;
use tokio::time::Instant;

use super::{BoundPhone, EnrolError, Progress, Tell};
use crate::agent::Agent;
use crate::crash;
use crate::server::Supervised;
use crate::tap::{Callee, Contact, ContactError};
use crate::timeline::Timeline;

/// How long the phone may take to be heard.
const HEARD: Duration = Duration::from_mins(1);
/// How long one handing over may take.
const HANDED: Duration = Duration::from_secs(30);
/// Times that a lost link is opened again.
const LINKS: u8 = 3;

/// What is to be kept by the phone, and what the server knows of it.
struct Signed {
    issued: ReferenceIssued,
    digest: Digest,
    store: Message,
}

impl Agent {
    /// Has the reference signed, gives it to the phone, and tells the server that the phone keeps it; says whether the phone has its receipt.
    pub(super) async fn hand_over(
        &self,
        server: &Supervised<'_>,
        phone: &BoundPhone,
        template: Template,
        tell: Tell<'_>,
    ) -> Result<bool, EnrolError> {
        let signed = self.sign_reference(server, phone, &template).await?;
        drop(template);
        tell(Progress::Signed);
        crash::point("enrol:issued");
        let (contact, statement) = self.store(phone, &signed, tell).await?;
        tell(Progress::Stored);
        crash::point("enrol:stored");
        drop(signed.store);
        let body = ConfirmReference { statement: statement.into() };
        let completed = server.confirm(phone.sitting.opened.enrolment, &body).await?;
        crash::point("enrol:confirmed");
        let delivered = tokio::time::timeout(HANDED, contact.deliver(completed.receipt.0)).await;
        crash::point("enrol:receipt-delivered");
        Ok(matches!(delivered, Ok(Ok(()))))
    }

    async fn sign_reference(
        &self,
        server: &Supervised<'_>,
        phone: &BoundPhone,
        template: &Template,
    ) -> Result<Signed, EnrolError> {
        let salt = Salt::draw(&mut UnwrapErr(rand::rngs::SysRng));
        // Drawn for this enrolment alone: what was enrolled before dies with its key.
        let key = TemplateKey::draw(&mut UnwrapErr(rand::rngs::SysRng));
        let bytes = template.protect(&key).to_bytes();
        let digest = reference_digest(salt.expose(), &bytes);
        let body = IssueReference { digest, model_set: template.model_set().to_owned() };
        let issued = server.issue(phone.sitting.opened.enrolment, &body).await?;
        self.check_credential(phone, &issued, digest)?;
        let reference = ReleasedReference {
            template: Secret::new(bytes.to_vec()),
            salt,
            credential: issued.credential.0.clone(),
            key: Some(key.expose().into()),
        };
        let store = Message::StoreReference(StoreReference { reference });
        Ok(Signed { issued, digest, store })
    }

    /// The phone would refuse a credential that is not for it; it is looked at here first, for a better answer.
    fn check_credential(
        &self,
        phone: &BoundPhone,
        issued: &ReferenceIssued,
        digest: Digest,
    ) -> Result<(), EnrolError> {
        let untrusted = |error: StatementError| EnrolError::Credential(Some(error));
        let standing = self.standing();
        let keys: Vec<&[u8]> = standing.stored.statement_keys().collect();
        let credential = UnverifiedReferenceCredential::parse(&issued.credential.0)
            .and_then(|claim| claim.verify_by_server(&keys))
            .map_err(untrusted)?;
        let expected = (issued.reference, phone.sitting.opened.phone, phone.user(), digest);
        let found = (credential.reference, credential.phone, credential.user, credential.digest);
        if found == expected { Ok(()) } else { Err(EnrolError::Credential(None)) }
    }

    /// Gives the phone the reference; a link that is lost is opened again. Returns the open conversation and the phone's statement.
    async fn store(
        &self,
        phone: &BoundPhone,
        signed: &Signed,
        tell: Tell<'_>,
    ) -> Result<(Contact, Vec<u8>), EnrolError> {
        let mut links = LINKS;
        loop {
            links -= 1;
            let address = self.hear_phone(phone, tell).await?;
            let stored =
                tokio::time::timeout(HANDED, self.store_once(phone, signed, &address)).await;
            match stored {
                Ok(Err(EnrolError::Phone(error))) if links > 0 => {
                    tracing::info!(error = %error, "trying the phone once more");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(_) if links > 0 => {}
                Ok(result) => return result,
                Err(_) => return Err(EnrolError::PhoneNotHeard),
            }
        }
    }

    async fn store_once(
        &self,
        phone: &BoundPhone,
        signed: &Signed,
        address: &Address,
    ) -> Result<(Contact, Vec<u8>), EnrolError> {
        let callee = Callee {
            phone: phone.sitting.opened.phone,
            identifier_key: &phone.identifier_key,
            public_key: None,
        };
        let (standing, timeline) = (self.standing(), Timeline::begin());
        let mut contact = Contact::open(self, &standing, callee, address, &timeline).await?;
        let Message::ReferenceStored(stored) = contact.ask(&signed.store).await? else {
            return Err(ContactError::Protocol(None).into());
        };
        let untrusted = |error: StatementError| EnrolError::Confirmation(Some(error));
        let statement = UnverifiedStorageStatement::parse(&stored.statement)
            .and_then(|claim| claim.verify(contact.public_key()))
            .map_err(untrusted)?;
        if (statement.reference, statement.digest) != (signed.issued.reference, signed.digest) {
            return Err(EnrolError::Confirmation(None));
        }
        Ok((contact, stored.statement))
    }

    /// Waits until the phone is on the air.
    async fn hear_phone(&self, phone: &BoundPhone, tell: Tell<'_>) -> Result<Address, EnrolError> {
        let deadline = Instant::now() + HEARD;
        let mut told = false;
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            if let Some(address) = self.address_of(phone) {
                return Ok(address);
            }
            if !told {
                told = true;
                tell(Progress::WaitingForPhone);
            }
            if tokio::time::timeout_at(deadline, news).await.is_err() {
                return Err(EnrolError::PhoneNotHeard);
            }
        }
    }
}

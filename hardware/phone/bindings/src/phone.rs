//! The phone.
use std::sync::Arc;
use std::time::SystemTime;

use imp_authenticator::InvitationUri;
use imp_identity::Clock as _;
use imp_identity::clock::SystemClock;
use imp_identity::name::Remark;
use imp_phone::{Bind, Erase, Phone, explain};

use crate::errors::{
    BindError, DisputeError, EraseError, OpenError, RenewError, ServeError, StatusError, UsesError,
    VerifyError,
};
use crate::keystore::{Keys, Keystore, KeystoreError};
use crate::radio::Radio;
use crate::records::{Bound, Erased, PhoneStatus, Uses, Verification};
use crate::screen::{Consent, Screen};
use crate::service::Service;
use crate::storage::{Sealed, Storage};
use crate::threads::Threads;

/// A phone, bound or not.
#[derive(uniffi::Object)]
pub struct ImpPhone {
    phone: Phone,
    keystore: Arc<dyn Keystore>,
    records: Arc<Sealed>,
    threads: Arc<Threads>,
}

#[uniffi::export]
impl ImpPhone {
    /// Opens the phone that keeps its keys in `keystore` and its records in `storage`, and finishes what an interruption left half
    /// done. One at a time for the same records.
    #[uniffi::constructor]
    pub fn open(
        keystore: Arc<dyn Keystore>,
        storage: Arc<dyn Storage>,
    ) -> Result<Arc<Self>, OpenError> {
        let records = Arc::new(Sealed::new(storage, Arc::clone(&keystore)));
        let storage = Arc::clone(&records) as Arc<dyn imp_phone::Storage>;
        let phone = Phone::over(storage, Arc::new(Keys(Arc::clone(&keystore))))?;
        let threads = Threads::start().map_err(|error| OpenError::System(explain(&error)))?;
        Ok(Arc::new(Self { phone, keystore, records, threads: Arc::new(threads) }))
    }

    /// Binds this phone by the text of an invitation's QR code, `imp:bind?…`. `replace` allows to replace a binding that exists, which
    /// goes on to count until the new one is stored. Interrupted, it can be called again with the same invitation.
    pub fn bind(&self, invitation: String, replace: bool) -> Result<Bound, BindError> {
        let invitation: InvitationUri =
            invitation.parse().map_err(|error| BindError::Invitation(explain(&error)))?;
        let bound = self.phone.bind(&invitation, Bind { replace }, Arc::new(SystemClock));
        Ok(self.threads.wait(bound)?.into())
    }

    /// Goes on the air, answers taps and enrolments, keeps receipts, and renews the certificate, until the service is stopped.
    pub fn serve(
        &self,
        radio: Arc<dyn Radio>,
        screen: Arc<dyn Screen>,
        consent: Consent,
    ) -> Result<Arc<Service>, ServeError> {
        let threads = Arc::clone(&self.threads);
        Ok(Arc::new(Service::start(threads, self.phone.clone(), radio, screen, consent)?))
    }

    /// What state the phone is in.
    pub fn status(&self) -> Result<PhoneStatus, StatusError> {
        Ok(self.phone.status(SystemClock.now())?.into())
    }

    /// What the owner's face was used for, by the receipts, each verified again. Asks nobody.
    pub fn uses(&self) -> Result<Uses, UsesError> {
        Ok(self.phone.uses()?.into())
    }

    /// Checks every use against the log of the server, and remembers what the log looked like.
    pub fn verify_uses(&self) -> Result<Verification, VerifyError> {
        Ok(self.threads.wait(self.phone.verify_uses(Arc::new(SystemClock)))?.into())
    }

    /// The receipt of the use at `index` as it came, for somebody else to check; none without one that is good.
    pub fn receipt(&self, index: u64) -> Result<Option<Vec<u8>>, UsesError> {
        Ok(self.phone.receipt(index)?)
    }

    /// Tells the hospital that the use at `index` was not the owner's; returns the number of the case.
    pub fn dispute(&self, index: u64, remark: Option<String>) -> Result<String, DisputeError> {
        let remark = remark.map(|remark| remark.parse::<Remark>()).transpose();
        let remark = remark.map_err(|error| DisputeError::Remark(explain(&error)))?;
        let disputed =
            self.threads.wait(self.phone.dispute(index, remark, Arc::new(SystemClock)))?;
        Ok(disputed.number.to_string())
    }

    /// Asks the server for a new certificate now, and says until when it counts. A phone that serves does so by itself, in time.
    pub fn renew(&self) -> Result<SystemTime, RenewError> {
        Ok(self.threads.wait(self.phone.renew(Arc::new(SystemClock)))?.into())
    }

    /// Destroys the face and its key, at once and for good, and tells the server. With `everything`, binding, device key and receipts
    /// too, if the server can be told, or with `force` even if it cannot.
    pub fn erase(&self, everything: bool, force: bool) -> Result<Erased, EraseError> {
        let erase = self.phone.erase(Erase { everything, force }, Arc::new(SystemClock));
        let erased: Erased = self.threads.wait(erase)?.into();
        if erased.everything {
            self.records.forget().map_err(|error| EraseError::Keystore(explain(&error)))?;
        }
        Ok(erased)
    }

    /// What the hardware says about the key that the phone is known by, for a hospital that asks: certificates in DER, the key's own
    /// first. Empty where it says nothing. The IMP server does not look at it.
    pub fn attestation(&self) -> Result<Vec<Vec<u8>>, KeystoreError> {
        let label = self.phone.device_key_label();
        let label = label.map_err(|error| KeystoreError::Failed { reason: explain(&error) })?;
        label.map_or(Err(KeystoreError::Missing), |label| {
            self.keystore.attestation(label.to_owned())
        })
    }
}

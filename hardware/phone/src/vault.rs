//! The sealed reference: template and salt under a key of the keystore, and the server's credential beside them.
//!
//! The file is `IMPR 01 ‖ slot (1) ‖ length of the credential (4, big-endian) ‖ credential ‖ sealed salt ‖ template`.
//! The seal's associated data names the user, the phone, the reference and the model set, so that a sealed
//! reference that was moved or relabelled does not open (architecture: tap, §7).
use imp_authenticator::credential::ReferenceCredential;
use imp_authenticator::message::ReleasedReference;
use imp_authenticator::reference_digest;
use imp_hardware::keystore::{Keystore, KeystoreError};
use imp_identity::{PhoneId, Secret, UserId};
use zeroize::Zeroizing;

use crate::binding::Slot;
use crate::crash;
use crate::state::{Entry, State, StateError};

const MAGIC: &[u8; 5] = b"IMPR\x01";
const LARGEST: u64 = 128 * 1024;
const SALT: usize = 32;

/// Where references are kept.
#[derive(Clone, Copy)]
pub(crate) struct Vault<'a> {
    pub(crate) state: &'a State,
    pub(crate) keystore: &'a dyn Keystore,
}

/// Whom a reference may belong to: the user and phone of the binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) user: UserId,
    pub(crate) phone: PhoneId,
}

/// A reference as it lies in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    slot: Slot,
    /// The server's credential, `COSE_Sign1`, not verified.
    pub(crate) credential: Vec<u8>,
    sealed: Vec<u8>,
}

/// The reference could not be stored, opened or erased.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The file.
    #[error("the file of the reference could not be read or written")]
    State(#[from] StateError),
    /// The keystore: a reference that was changed, moved or belongs to somebody else does not open either.
    #[error("the keystore could not seal or open the reference")]
    Keystore(#[from] KeystoreError),
    /// The file is not one of ours.
    #[error("the file of the reference is damaged")]
    Damaged,
    /// The seal opened, but the content is not what the server signed.
    #[error("the stored reference is not the enrolled one")]
    Digest,
}

impl Vault<'_> {
    /// Reads what is stored, still sealed.
    pub(crate) fn load(&self) -> Result<Option<Stored>, VaultError> {
        match self.state.read(Entry::Reference, LARGEST)? {
            Some(bytes) => Stored::parse(&bytes).map(Some).ok_or(VaultError::Damaged),
            None => Ok(None),
        }
    }

    /// Seals `reference` under a fresh key, puts it in place of the former one and destroys the former key. The
    /// caller holds the state's lock.
    pub(crate) fn store(
        &self,
        owner: Owner,
        credential: &ReferenceCredential,
        reference: &ReleasedReference,
    ) -> Result<(), VaultError> {
        let former = self.load().ok().flatten().map(|stored| stored.slot);
        let slot = former.map_or(Slot::A, Slot::other);
        self.keystore.delete(slot.reference_label())?;
        let mut plaintext =
            Zeroizing::new(Vec::with_capacity(SALT + reference.template.expose().len()));
        plaintext.extend(reference.salt.expose());
        plaintext.extend(reference.template.expose());
        let context = associated_data(owner, credential);
        let sealed = self.keystore.seal(slot.reference_label(), &context, &plaintext)?;
        crash::point("store:sealed");
        let stored = Stored { slot, credential: reference.credential.clone(), sealed };
        self.state.write(Entry::Reference, &stored.to_bytes().ok_or(VaultError::Damaged)?)?;
        crash::point("store:stored");
        Ok(self.keystore.delete(slot.other().reference_label())?)
    }

    /// Opens the seal. `credential` is the verified form of [`Stored::credential`].
    pub(crate) fn open(
        &self,
        owner: Owner,
        credential: &ReferenceCredential,
        stored: &Stored,
    ) -> Result<ReleasedReference, VaultError> {
        let context = associated_data(owner, credential);
        let label = stored.slot.reference_label();
        let plaintext = self.keystore.unseal(label, &context, &stored.sealed)?;
        let (salt, template) =
            plaintext.expose().split_first_chunk::<SALT>().ok_or(VaultError::Damaged)?;
        if reference_digest(salt, template) != credential.digest {
            return Err(VaultError::Digest);
        }
        Ok(ReleasedReference {
            template: Secret::new(template.to_vec()),
            salt: salt.into(),
            credential: stored.credential.clone(),
        })
    }

    /// Destroys the key, then the file. The caller holds the state's lock.
    pub(crate) fn erase(&self) -> Result<(), VaultError> {
        self.keystore.delete(Slot::A.reference_label())?;
        self.keystore.delete(Slot::B.reference_label())?;
        crash::point("erase:key-deleted");
        Ok(self.state.remove(Entry::Reference)?)
    }

    /// Destroys keys that a crash left behind. The caller holds the state's lock.
    pub(crate) fn tidy(&self) -> Result<(), VaultError> {
        match self.load()? {
            Some(stored) => self.keystore.delete(stored.slot.other().reference_label())?,
            None => self.erase()?,
        }
        Ok(())
    }
}

impl Stored {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (slot, rest) = bytes.strip_prefix(MAGIC)?.split_first()?;
        let slot = match slot {
            0 => Slot::A,
            1 => Slot::B,
            _ => return None,
        };
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (credential, sealed) = rest.split_at_checked(length)?;
        Some(Self { slot, credential: credential.to_vec(), sealed: sealed.to_vec() })
    }

    fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(match self.slot {
            Slot::A => 0,
            Slot::B => 1,
        });
        bytes.extend(u32::try_from(self.credential.len()).ok()?.to_be_bytes());
        bytes.extend(&self.credential);
        bytes.extend(&self.sealed);
        Some(bytes)
    }
}

fn associated_data(owner: Owner, credential: &ReferenceCredential) -> Vec<u8> {
    let mut data = b"imp sealed reference 1".to_vec();
    data.extend(owner.user.into_bytes());
    data.extend(owner.phone.into_bytes());
    data.extend(credential.reference.into_bytes());
    data.extend(credential.model_set.as_bytes());
    data
}

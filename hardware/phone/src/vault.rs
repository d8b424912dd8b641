//! The sealed reference: template and salt under a key of the keystore, and the server's credential beside them; and the
//! template's own key in another record under another key of the keystore.
//!
//! The reference's record is `IMPR 02 ‖ slot (1) ‖ length of the credential (4, big-endian) ‖ credential ‖ sealed salt ‖
//! template`; with 01 the template has no key. The key's record is the seal alone. The associated data of both names the
//! user, the phone, the reference and the model set with its version, so that what was moved or relabelled does not
//! open (architecture: tap, §7).
//!
//! A reference and its key have one of two places. The key is stored first; writing the reference, which names the place,
//! makes both count at once; what is in the other place is destroyed last.
use imp_authenticator::credential::ReferenceCredential;
use imp_authenticator::message::ReleasedReference;
use imp_authenticator::{TemplateKey, reference_digest};
use imp_hardware::keystore::{Keystore, KeystoreError};
use imp_identity::{PhoneId, Secret, UserId};
use zeroize::Zeroizing;

use crate::binding::Slot;
use crate::crash;
use crate::state::{Entry, State, StateError};

const MAGIC: &[u8; 4] = b"IMPR";
const LARGEST: u64 = 128 * 1024;
const LARGEST_KEY: u64 = 1024;
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
    /// Whether the template has a key, which is in a record of its own.
    keyed: bool,
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
        let former = match self.load() {
            Ok(stored) => stored.map(|stored| stored.slot),
            Err(VaultError::Damaged) => None,
            // Which place is the live one is not known, so neither is touched.
            Err(error) => return Err(error),
        };
        let slot = former.map_or(Slot::A, Slot::other);
        self.clear(slot)?;
        let keyed = reference.key.is_some();
        let context = associated_data(owner, credential, keyed);
        if let Some(key) = &reference.key {
            let label = slot.template_key_label();
            let sealed = self.keystore.seal(label, &key_data(&context), key.expose())?;
            self.state.write(key_entry(slot), &sealed)?;
        }
        crash::point("store:key-stored");
        let mut plaintext =
            Zeroizing::new(Vec::with_capacity(SALT + reference.template.expose().len()));
        plaintext.extend(reference.salt.expose());
        plaintext.extend(reference.template.expose());
        let sealed = self.keystore.seal(slot.reference_label(), &context, &plaintext)?;
        crash::point("store:sealed");
        let stored = Stored { slot, keyed, credential: reference.credential.clone(), sealed };
        self.state.write(Entry::Reference, &stored.to_bytes().ok_or(VaultError::Damaged)?)?;
        crash::point("store:stored");
        self.clear(slot.other())
    }

    /// Destroys the keys of `slot`, and with them what is sealed there.
    fn clear(&self, slot: Slot) -> Result<(), VaultError> {
        self.keystore.delete(slot.reference_label())?;
        self.keystore.delete(slot.template_key_label())?;
        Ok(self.state.remove(key_entry(slot))?)
    }

    /// The key of the template of `stored`, if it has one.
    fn open_key(&self, context: &[u8], stored: &Stored) -> Result<Option<TemplateKey>, VaultError> {
        if !stored.keyed {
            return Ok(None);
        }
        let sealed = self.state.read(key_entry(stored.slot), LARGEST_KEY)?;
        let sealed = sealed.ok_or(VaultError::Damaged)?;
        let label = stored.slot.template_key_label();
        let key = self.keystore.unseal(label, &key_data(context), &sealed)?;
        let key = <&[u8; 32]>::try_from(key.expose().as_slice());
        Ok(Some(TemplateKey::from(key.map_err(|_| VaultError::Damaged)?)))
    }

    /// Opens the seal. `credential` is the verified form of [`Stored::credential`].
    pub(crate) fn open(
        &self,
        owner: Owner,
        credential: &ReferenceCredential,
        stored: &Stored,
    ) -> Result<ReleasedReference, VaultError> {
        let context = associated_data(owner, credential, stored.keyed);
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
            key: self.open_key(&context, stored)?,
        })
    }

    /// Destroys the keys, then what was sealed under them. The caller holds the state's lock.
    pub(crate) fn erase(&self) -> Result<(), VaultError> {
        self.keystore.delete(Slot::A.reference_label())?;
        self.keystore.delete(Slot::B.reference_label())?;
        crash::point("erase:key-deleted");
        self.clear(Slot::A)?;
        self.clear(Slot::B)?;
        crash::point("erase:template-key-deleted");
        Ok(self.state.remove(Entry::Reference)?)
    }

    /// Destroys keys that a crash left behind. The caller holds the state's lock.
    pub(crate) fn tidy(&self) -> Result<(), VaultError> {
        match self.load()? {
            Some(stored) => self.clear(stored.slot.other()),
            None => self.erase(),
        }
    }
}

impl Stored {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let ([version, slot], rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
        let keyed = match version {
            1 => false,
            2 => true,
            _ => return None,
        };
        let slot = match slot {
            0 => Slot::A,
            1 => Slot::B,
            _ => return None,
        };
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (credential, sealed) = rest.split_at_checked(length)?;
        Some(Self { slot, keyed, credential: credential.to_vec(), sealed: sealed.to_vec() })
    }

    fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(if self.keyed { 2 } else { 1 });
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

const fn key_entry(slot: Slot) -> Entry {
    match slot {
        Slot::A => Entry::TemplateKeyA,
        Slot::B => Entry::TemplateKeyB,
    }
}

/// So that one record can never be taken for the other.
fn key_data(context: &[u8]) -> Vec<u8> {
    [b"imp sealed template key 1", context].concat()
}

fn associated_data(owner: Owner, credential: &ReferenceCredential, keyed: bool) -> Vec<u8> {
    let mut data = b"imp sealed reference ".to_vec();
    data.push(if keyed { b'2' } else { b'1' });
    data.extend(owner.user.into_bytes());
    data.extend(owner.phone.into_bytes());
    data.extend(credential.reference.into_bytes());
    data.extend(credential.model_set.as_bytes());
    data
}

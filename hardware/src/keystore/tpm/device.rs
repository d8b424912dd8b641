//! One connection to a TPM, and the commands we use.
use std::str::FromStr as _;

use tss_esapi::attributes::SessionAttributesBuilder;
use tss_esapi::constants::{SessionType, StructureTag};
use tss_esapi::handles::{KeyHandle, SessionHandle};
use tss_esapi::interface_types::algorithm::HashingAlgorithm;
use tss_esapi::interface_types::resource_handles::Hierarchy;
use tss_esapi::interface_types::session_handles::AuthSession;
use tss_esapi::structures::{
    Auth, Digest, HashScheme, HashcheckTicket, SensitiveData, Signature, SignatureScheme,
    SymmetricDefinition,
};
use tss_esapi::tcti_ldr::TctiNameConf;
use tss_esapi::tss2_esys::TPMT_TK_HASHCHECK;
use tss_esapi::{Context, Error, WrapperErrorKind};
use zeroize::Zeroizing;

use super::blob::Blob;
use super::template;

/// A connected TPM with its storage primary; of other keys the one used last stays loaded (a TPM has three places).
pub(super) struct Device(Option<Connected>);

struct Connected {
    context: Context,
    primary: KeyHandle,
    loaded: Option<(String, KeyHandle)>,
}

impl Device {
    /// Connects, and makes the storage primary again: it is derived from the TPM's owner seed.
    pub(super) fn connect(tcti: &str) -> Result<Self, Error> {
        let mut context = Context::new(TctiNameConf::from_str(tcti)?)?;
        let storage = template::storage()?;
        let primary = context.execute_with_nullauth_session(|context| {
            context.create_primary(Hierarchy::Owner, storage, None, None, None, None)
        })?;
        Ok(Self(Some(Connected { context, primary: primary.key_handle, loaded: None })))
    }

    /// Gives the connection up.
    pub(super) fn disconnect(&mut self) {
        self.0 = None;
    }

    fn connected(&mut self) -> Result<&mut Connected, Error> {
        self.0.as_mut().ok_or(Error::WrapperError(WrapperErrorKind::InvalidHandleState))
    }

    /// Makes a P-256 signing key.
    pub(super) fn create_signing(&mut self, authorisation: &[u8]) -> Result<Blob, Error> {
        let (public, auth) = (template::signing()?, Auth::try_from(authorisation)?);
        self.connected()?.within_session(|context, primary| {
            let made = context.create(primary, public, Some(auth), None, None, None)?;
            Ok(Blob { public: made.out_public, private: made.out_private })
        })
    }

    /// Has the TPM encrypt `value`.
    pub(super) fn seal(&mut self, value: &[u8], authorisation: &[u8]) -> Result<Blob, Error> {
        let (public, auth) = (template::sealed()?, Auth::try_from(authorisation)?);
        let value = SensitiveData::try_from(value)?;
        self.connected()?.within_session(|context, primary| {
            let made = context.create(primary, public, Some(auth), Some(value), None, None)?;
            Ok(Blob { public: made.out_public, private: made.out_private })
        })
    }

    /// Has the TPM decrypt what [`Self::seal`] made.
    pub(super) fn unseal(
        &mut self,
        blob: &Blob,
        authorisation: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let connected = self.connected()?;
        let handle = connected.load(blob, authorisation)?;
        let value = connected.within_session(|context, _| context.unseal(handle.into()));
        connected.context.flush_context(handle.into())?;
        Ok(Zeroizing::new(value?.value().to_vec()))
    }

    /// ECDSA over a SHA-256 digest: r‖s. `name` says which key it is, so that it can stay loaded.
    pub(super) fn sign(
        &mut self,
        name: &str,
        blob: &Blob,
        authorisation: &[u8],
        digest: &[u8],
    ) -> Result<[u8; 64], Error> {
        let connected = self.connected()?;
        let handle = connected.keep_loaded(name, blob, authorisation)?;
        let digest = Digest::try_from(digest)?;
        let scheme =
            SignatureScheme::EcDsa { hash_scheme: HashScheme::new(HashingAlgorithm::Sha256) };
        // Neither digest nor signature nor authorisation are secret: no session is needed, which saves two commands.
        let password = Some(AuthSession::Password);
        let signature = connected.context.execute_with_session(password, |context| {
            context.sign(handle, digest, scheme, no_ticket()?)
        })?;
        raw(&signature).ok_or(Error::WrapperError(WrapperErrorKind::WrongValueFromTpm))
    }
}

impl Connected {
    /// Does `work` in a session whose parameters only the TPM can read: somebody may listen on the bus.
    fn within_session<T>(
        &mut self,
        work: impl FnOnce(&mut Context, KeyHandle) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let session = self
            .context
            .start_auth_session(
                Some(self.primary),
                None,
                None,
                SessionType::Hmac,
                SymmetricDefinition::AES_128_CFB,
                HashingAlgorithm::Sha256,
            )?
            .ok_or(Error::WrapperError(WrapperErrorKind::WrongValueFromTpm))?;
        let (attributes, mask) = SessionAttributesBuilder::new()
            .with_decrypt(true)
            .with_encrypt(true)
            .with_continue_session(true)
            .build();
        let primary = self.primary;
        let result =
            self.context.tr_sess_set_attributes(session, attributes, mask).and_then(|()| {
                self.context.execute_with_session(Some(session), |context| work(context, primary))
            });
        self.context.flush_context(SessionHandle::from(session).into())?;
        result
    }

    fn load(&mut self, blob: &Blob, authorisation: &[u8]) -> Result<KeyHandle, Error> {
        let primary = self.primary;
        let auth = Auth::try_from(authorisation)?;
        let handle = self.context.execute_with_session(Some(AuthSession::Password), |context| {
            context.load(primary, blob.private.clone(), blob.public.clone())
        })?;
        self.context.tr_set_auth(handle.into(), auth)?;
        Ok(handle)
    }

    fn keep_loaded(
        &mut self,
        name: &str,
        blob: &Blob,
        authorisation: &[u8],
    ) -> Result<KeyHandle, Error> {
        // The private part tells a key that was deleted and made again from the one before.
        let name = format!("{name}/{:?}", imp_identity::Digest::of(&[blob.private.value()]));
        match self.loaded.take() {
            Some((loaded, handle)) if loaded == name => {
                self.loaded = Some((loaded, handle));
                return Ok(handle);
            }
            Some((_, handle)) => self.context.flush_context(handle.into())?,
            None => {}
        }
        let handle = self.load(blob, authorisation)?;
        self.loaded = Some((name, handle));
        Ok(handle)
    }
}

/// Says that the TPM did not compute the digest itself (Part 2, §10.6.5); an unrestricted key does not ask.
fn no_ticket() -> Result<HashcheckTicket, Error> {
    HashcheckTicket::try_from(TPMT_TK_HASHCHECK {
        tag: StructureTag::Hashcheck.into(),
        hierarchy: tss_esapi::constants::tss::TPM2_RH_NULL,
        digest: tss_esapi::tss2_esys::TPM2B_DIGEST::default(),
    })
}

fn raw(signature: &Signature) -> Option<[u8; 64]> {
    let Signature::EcDsa(signature) = signature else { return None };
    let r = template::coordinate(signature.signature_r())?;
    let s = template::coordinate(signature.signature_s())?;
    let mut both = [0; 64];
    both[..32].copy_from_slice(&r);
    both[32..].copy_from_slice(&s);
    Some(both)
}

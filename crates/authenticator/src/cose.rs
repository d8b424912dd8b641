//! Signed statements: `COSE_Sign1` with ES256 (RFC 9052 §4.2, RFC 9053 §2.1) over canonical CBOR.
//!
//! The protected header is exactly algorithm, content type and key id, the unprotected one is empty; anything
//! else, critical or not, is refused. The content type and the external data differ for each kind of
//! statement, so a signature on one can never be shown as another.
use std::fmt;

use coset::iana::Algorithm;
use coset::{
    CborSerializable as _, CoseSign1Builder, Header, HeaderBuilder, TaggedCborSerializable as _,
};
use imp_identity::Digest;
use minicbor::{Decode, Decoder, Encode};

use crate::signer::{SignError, Signer, verifies};
use crate::wire;

/// What a statement says. The kinds are those of this package.
pub trait Body: for<'b> Decode<'b, ()> + Encode<()> + sealed::Sealed {
    /// The content type in the protected header.
    const CONTENT_TYPE: &'static str;
    /// The longest statement of this kind, in bytes.
    const LIMIT: usize = 8 * 1024;
}

pub(crate) mod sealed {
    /// Keeps other packages from adding kinds.
    #[expect(unnameable_types, reason = "only this package adds kinds of statements")]
    pub trait Sealed {}
}

/// Names a key: who signed. 16 bytes.
pub type KeyId = [u8; 16];

/// A statement as it came over a wire: a claim, until [`verify`](Self::verify).
#[derive(Clone)]
pub struct Unverified<B> {
    body: B,
    key_id: KeyId,
    /// What was signed: the `Sig_structure` (RFC 9052 §4.4).
    signed: Vec<u8>,
    signature: [u8; 64],
}

/// A statement cannot be read, or is not signed by the key that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Longer than any of its kind.
    #[error("the statement is too long")]
    TooLong,
    /// Not a canonical `COSE_Sign1` with exactly the headers of this protocol.
    #[error("the statement is not a COSE_Sign1 of this protocol")]
    Malformed,
    /// A statement of another kind.
    #[error("the statement is of another kind")]
    WrongKind,
    /// The body is not what the schema says, or not written canonically.
    #[error("the body of the statement does not follow its schema")]
    Body,
    /// None of the known keys is the one that it names.
    #[error("the statement is signed by a key that is not known")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the signature of the statement does not verify")]
    Signature,
}

/// The id of a server's key: the first 16 bytes of SHA-256 of its `SubjectPublicKeyInfo`.
pub fn key_id(public_key: &[u8]) -> KeyId {
    let mut id = [0; 16];
    id.copy_from_slice(&Digest::of(&[public_key]).as_bytes()[..16]);
    id
}

/// Signs `body` as `key_id`.
pub(crate) fn sign<B: Body>(
    body: &B,
    key_id: KeyId,
    signer: &dyn Signer,
) -> Result<Vec<u8>, SignError> {
    let payload = minicbor::to_vec(body).map_err(SignError::new)?;
    let statement = CoseSign1Builder::new()
        .protected(header::<B>(key_id))
        .payload(payload)
        .try_create_signature(B::CONTENT_TYPE.as_bytes(), |message| {
            signer.sign(message).map(|signature| signature.to_vec())
        })?
        .build();
    let bytes = statement.to_tagged_vec().map_err(|error| SignError::new(error.to_string()))?;
    if bytes.len() > B::LIMIT {
        return Err(SignError::new(StatementError::TooLong));
    }
    Ok(bytes)
}

fn header<B: Body>(key_id: KeyId) -> Header {
    HeaderBuilder::new()
        .algorithm(Algorithm::ES256)
        .content_type(B::CONTENT_TYPE.to_owned())
        .key_id(key_id.to_vec())
        .build()
}

/// The parts of a tagged `COSE_Sign1` whose unprotected header is empty.
struct Parts<'a> {
    protected: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

fn parts(bytes: &[u8]) -> Result<Parts<'_>, minicbor::decode::Error> {
    let mut decoder = Decoder::new(bytes);
    let tag = decoder.tag()?.as_u64();
    let items = decoder.array()?;
    let protected = decoder.bytes()?;
    let unprotected = decoder.map()?;
    let payload = decoder.bytes()?;
    let signature = decoder.bytes()?;
    let whole = decoder.position() == bytes.len();
    if (tag, items, unprotected, whole) != (18, Some(4), Some(0), true) {
        return Err(minicbor::decode::Error::message("not a COSE_Sign1 of this protocol"));
    }
    Ok(Parts { protected, payload, signature })
}

impl<B: Body> Unverified<B> {
    /// Reads a statement without believing it.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        if bytes.len() > B::LIMIT {
            return Err(StatementError::TooLong);
        }
        let Parts { protected, payload, signature } =
            parts(bytes).map_err(|_| StatementError::Malformed)?;
        if protected.len() > 256 {
            return Err(StatementError::Malformed);
        }
        let claimed = Header::from_slice(protected).map_err(|_| StatementError::Malformed)?;
        let key_id: KeyId =
            claimed.key_id.as_slice().try_into().map_err(|_| StatementError::Malformed)?;
        let expected = header::<B>(key_id);
        if claimed.content_type != expected.content_type {
            return Err(StatementError::WrongKind);
        }
        let body = wire::decode(payload).ok_or(StatementError::Body)?;
        let signature = signature.try_into().map_err(|_| StatementError::Malformed)?;
        let statement = CoseSign1Builder::new()
            .protected(expected)
            .payload(payload.to_vec())
            .signature(Vec::from(signature))
            .build();
        // One statement, one encoding: also refuses further headers and longer forms of lengths.
        if statement.clone().to_tagged_vec().map_err(|_| StatementError::Malformed)? != bytes {
            return Err(StatementError::Malformed);
        }
        let signed = statement.tbs_data(B::CONTENT_TYPE.as_bytes());
        Ok(Self { body, key_id, signed, signature })
    }

    /// What it claims. Not to be believed.
    pub const fn claims(&self) -> &B {
        &self.body
    }

    /// Who is said to have signed.
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// What it says, if the key (a P-256 `SubjectPublicKeyInfo` in DER) signed it.
    pub fn verify(self, public_key: &[u8]) -> Result<B, StatementError> {
        if verifies(public_key, &self.signed, &self.signature) {
            Ok(self.body)
        } else {
            Err(StatementError::Signature)
        }
    }

    /// What it says, if the one of the server's keys that it names signed it.
    pub fn verify_by_server(self, public_keys: &[impl AsRef<[u8]>]) -> Result<B, StatementError> {
        let named = public_keys.iter().find(|key| key_id(key.as_ref()) == self.key_id);
        let key = named.ok_or(StatementError::UnknownKey)?;
        self.verify(key.as_ref())
    }
}

impl<B: fmt::Debug> fmt::Debug for Unverified<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unverified").field(&self.body).finish()
    }
}

/// Declares the kind of statement that a body is.
macro_rules! body {
    ($body:ty, $alias:ident, $name:literal $(, $limit:expr)?) => {
        impl $crate::cose::sealed::Sealed for $body {}
        impl $crate::cose::Body for $body {
            const CONTENT_TYPE: &'static str = concat!("application/vnd.imp.", $name, "+cose");
            $(const LIMIT: usize = $limit;)?
        }
        #[doc = concat!("A [`", stringify!($body), "`] that is not to be believed yet.")]
        pub type $alias = $crate::cose::Unverified<$body>;
    };
}
pub(crate) use body;

/// Gives a body that the server signs its `sign`.
macro_rules! signed_by_server {
    ($body:ty) => {
        impl $body {
            /// Signs it with one of the server's statement keys; the key id is [`key_id`](crate::cose::key_id).
            pub fn sign(&self, signer: &dyn $crate::Signer) -> Result<Vec<u8>, $crate::SignError> {
                $crate::cose::sign(self, $crate::cose::key_id(signer.public_key()), signer)
            }
        }
    };
}
pub(crate) use signed_by_server;

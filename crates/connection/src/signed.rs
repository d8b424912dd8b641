//! A signed copy of the policy, for enforcement points that decide while the server cannot be reached: a JWS in the compact
//! form (RFC 7515 §7.1), ES256, by one of the server's statement keys.
use std::collections::HashSet;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use imp_identity::Digest;
use imp_identity::spiffe::{SpiffeId, TrustDomain};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::attempt::Party;
use crate::decide::Decision;
use crate::endpoint::Endpoint;
use crate::inventory::{Asked, Inventory, Member};
use crate::policy::{Policy, PolicyError};
use crate::ports::Protocol;
use crate::rule::Rule;

/// `typ` in the header (RFC 7515 §4.1.9).
const TYPE: &str = "imp-connection-policy+jws";
/// The longest copy that is read, in bytes: some ten thousand rules and fifty thousand machines.
const LARGEST: usize = 32 * 1024 * 1024;
/// How far the clock of an enforcement point may be behind the server's.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// DER of a P-256 `SubjectPublicKeyInfo` up to the point's 65 bytes (RFC 5480 §2.1.1).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The policy with the machines that it speaks of, for a time. Out of [`SignedPolicy::verify`], it is a fact.
#[derive(Clone, Debug)]
pub struct PolicyCopy {
    /// The policy.
    pub policy: Policy,
    /// The machines that are in use.
    pub inventory: Inventory,
    /// When it was made.
    pub issued_at: Timestamp,
    /// First instant at which it no longer counts.
    pub valid_until: Timestamp,
}

/// Which of two copies is the later: the version first, then the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edition {
    /// The version of the policy.
    pub version: u32,
    /// When the copy was made.
    pub issued_at: Timestamp,
}

/// A copy as it came over a wire: a claim, until [`verify`](Self::verify).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPolicy(String);

/// Whose copies count.
#[derive(Clone, Copy, Debug)]
pub struct Pinned<'a> {
    /// The installation.
    pub trust_domain: &'a TrustDomain,
    /// The server's statement keys: P-256 `SubjectPublicKeyInfo` in DER.
    pub keys: &'a [Vec<u8>],
}

/// The copy does not count.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Longer than any copy.
    #[error("the copy of the policy is too long")]
    Long,
    /// Not a compact JWS with the header of such copies.
    #[error("this is not a signed copy of a connection policy")]
    Malformed,
    /// None of the known keys is the one that it names.
    #[error("the copy of the policy is signed by a key that is not known")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the signature of the copy of the policy does not verify")]
    Signature,
    /// It is another installation's.
    #[error("the copy of the policy is that of another installation")]
    OtherInstallation,
    /// It was made at a time that has not come yet.
    #[error("the copy of the policy is made at {issued_at}, which has not come yet")]
    Early {
        /// That time.
        issued_at: Timestamp,
    },
    /// Its time is over.
    #[error("the copy of the policy counted until {valid_until}")]
    Expired {
        /// Until then.
        valid_until: Timestamp,
    },
    /// A later one was seen before.
    #[error("the copy of the policy is older than one that was seen before (version {})", .seen.version)]
    Older {
        /// The later one.
        seen: Edition,
    },
    /// What is signed is no policy.
    #[error("what is signed is no connection policy")]
    Policy(#[from] PolicyError),
}

/// The protected header: exactly these members.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

/// What is signed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    iss: TrustDomain,
    version: u32,
    issued_at: Timestamp,
    valid_until: Timestamp,
    rules: Vec<Rule>,
    machines: Vec<Member>,
}

/// The id of a key in headers: the first 16 bytes of SHA-256 of its `SubjectPublicKeyInfo`, in hexadecimal.
pub fn key_id(public_key: &[u8]) -> String {
    HEXLOWER.encode(&Digest::of(&[public_key]).as_bytes()[..16])
}

/// The other ends of a machine's rules, each once.
#[derive(Default)]
struct Peers<'a> {
    machines: HashSet<&'a SpiffeId>,
    groups: HashSet<&'a Endpoint>,
}

impl<'a> Peers<'a> {
    fn add(&mut self, end: &'a Endpoint) {
        match end {
            Endpoint::Machine(machine) => drop(self.machines.insert(machine)),
            Endpoint::Group(_) => drop(self.groups.insert(end)),
        }
    }

    fn have(&self, party: &Party<'_>) -> bool {
        self.machines.contains(party.machine) || self.groups.iter().any(|end| end.covers(party))
    }
}

impl PolicyCopy {
    /// Signs it: `sign` is given what ES256 signs (RFC 7518 §3.4) and answers r‖s, by the private half of `public_key` (a P-256
    /// `SubjectPublicKeyInfo` in DER).
    pub fn sign<E>(
        &self,
        public_key: &[u8],
        sign: impl FnOnce(&[u8]) -> Result<[u8; 64], E>,
    ) -> Result<SignedPolicy, E> {
        let header =
            Header { alg: "ES256".to_owned(), kid: key_id(public_key), typ: TYPE.to_owned() };
        let payload = Payload {
            iss: self.inventory.trust_domain().clone(),
            version: self.policy.version(),
            issued_at: self.issued_at,
            valid_until: self.valid_until,
            rules: self.policy.rules().to_vec(),
            machines: self.inventory.members(),
        };
        // Texts and numbers only: it cannot fail.
        let header = serde_json::to_vec(&header).unwrap_or_default();
        let payload = serde_json::to_vec(&payload).unwrap_or_default();
        let (header, payload) = (encode(&header), encode(&payload));
        let mut text = format!("{header}.{payload}");
        let signature = encode(&sign(text.as_bytes())?);
        text.extend([".", &signature]);
        Ok(SignedPolicy(text))
    }

    /// Which edition it is.
    pub const fn edition(&self) -> Edition {
        Edition { version: self.policy.version(), issued_at: self.issued_at }
    }

    /// What one machine may know of it: the rules that name it at either end, itself, and the machines at the other ends. It
    /// expects of that machine's connections what the whole expects; the reason of a refusal may be another one.
    pub fn of(&self, machine: &SpiffeId) -> Result<Self, PolicyError> {
        let own = self.inventory.party(machine);
        let is = |end: &Endpoint| own.as_ref().is_some_and(|own| end.covers(own));
        let (mut peers, mut rules) = (Peers::default(), vec![]);
        for rule in self.policy.rules() {
            let (from, to) = (is(&rule.from), is(&rule.to));
            if from {
                peers.add(&rule.to);
            }
            if to {
                peers.add(&rule.from);
            }
            if from || to {
                rules.push(rule.clone());
            }
        }
        let members = self.inventory.members().into_iter().filter(|member| {
            let party = self.inventory.party(&member.machine);
            member.machine == *machine || party.is_some_and(|party| peers.have(&party))
        });
        Ok(Self {
            policy: Policy::new(self.policy.version(), rules)?,
            inventory: Inventory::new(self.inventory.trust_domain().clone(), members),
            ..*self
        })
    }

    /// Whether it counts now.
    pub fn is_current(&self, now: Timestamp) -> bool {
        now < self.valid_until
    }

    /// Whether a connection is expected. It is for the caller to see that the copy [is current](Self::is_current).
    pub fn decide(
        &self,
        from: &SpiffeId,
        to: &SpiffeId,
        (protocol, port): (Protocol, u16),
        at: Timestamp,
    ) -> Decision {
        self.inventory.decide(&self.policy, &Asked { from, to, protocol, port, at })
    }
}

impl SignedPolicy {
    /// Takes what came over a wire or lay on a disk.
    pub fn parse(bytes: &[u8]) -> Result<Self, CopyError> {
        if bytes.len() > LARGEST {
            return Err(CopyError::Long);
        }
        let text = str::from_utf8(bytes).map_err(|_| CopyError::Malformed)?;
        Ok(Self(text.trim_ascii_end().to_owned()))
    }

    /// The compact form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it says, if the server signed it, it counts at `now`, and no later one was seen. Keep the [edition](PolicyCopy::edition)
    /// of what was accepted, on the disk, too: else whoever kept an old copy could bring an old policy back.
    pub fn verify(
        &self,
        pinned: Pinned<'_>,
        now: Timestamp,
        seen: Option<Edition>,
    ) -> Result<PolicyCopy, CopyError> {
        let payload = self.authentic(pinned.keys)?;
        let payload: Payload = serde_json::from_slice(&payload).map_err(PolicyError::from)?;
        let Payload { iss, version, issued_at, valid_until, rules, machines } = payload;
        if iss != *pinned.trust_domain {
            return Err(CopyError::OtherInstallation);
        }
        let copy = PolicyCopy {
            policy: Policy::new(version, rules)?,
            inventory: Inventory::new(iss, machines),
            issued_at,
            valid_until,
        };
        if now.checked_add(SKEW).is_ok_and(|latest| latest < issued_at) {
            return Err(CopyError::Early { issued_at });
        }
        if !copy.is_current(now) {
            return Err(CopyError::Expired { valid_until });
        }
        match seen {
            Some(seen) if copy.edition() < seen => Err(CopyError::Older { seen }),
            Some(_) | None => Ok(copy),
        }
    }

    /// The payload, if one of the keys signed it.
    fn authentic(&self, keys: &[Vec<u8>]) -> Result<Vec<u8>, CopyError> {
        let (signed, signature) = self.0.rsplit_once('.').ok_or(CopyError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(CopyError::Malformed)?;
        let Header { alg, kid, typ } =
            serde_json::from_slice(&decode(header)?).map_err(|_| CopyError::Malformed)?;
        if alg != "ES256" || typ != TYPE {
            return Err(CopyError::Malformed);
        }
        let key = keys.iter().find(|key| key_id(key) == kid).ok_or(CopyError::UnknownKey)?;
        let point = key.strip_prefix(&SPKI_PREFIX).ok_or(CopyError::UnknownKey)?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        let signature = decode(signature)?;
        key.verify(signed.as_bytes(), &signature).map_err(|_| CopyError::Signature)?;
        decode(payload)
    }
}

fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn decode(text: &str) -> Result<Vec<u8>, CopyError> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| CopyError::Malformed)
}

//! Which authenticators the hospital takes, and what it believes of them.
use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;
use webauthn_rs::prelude::{
    AttestationCaList, AttestationCaListBuilder, AttestationMetadata, Credential,
};

use crate::metadata::Metadata;

/// What is asked of an authenticator's maker.
#[derive(Clone, Debug)]
pub enum Attestation {
    /// Nothing: any authenticator, and browsers hide its model.
    None,
    /// Its model, where it is one of these; others are registered as unknown.
    Preferred(Models),
    /// That it is one of these models.
    Required(Models),
}

/// Models of authenticators that the hospital trusts, each with the roots of its maker.
#[derive(Clone, Debug, Default)]
pub struct Models {
    roots: AttestationCaList,
    names: BTreeMap<Uuid, String>,
}

impl Attestation {
    /// `attestation` of the creation options (WebAuthn L3 §5.4.7).
    pub(crate) const fn conveyance(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Preferred(_) | Self::Required(_) => "direct",
        }
    }
}

impl Models {
    /// The models of `metadata` that nothing is known against; of these only `allowed`, if there are any, and none of `denied`.
    pub fn of(metadata: &Metadata, allowed: &[Uuid], denied: &[Uuid]) -> Self {
        let denied: BTreeSet<_> = denied.iter().collect();
        let mut roots = AttestationCaListBuilder::new();
        let mut names = BTreeMap::new();
        let fits = |aaguid: &Uuid| {
            !denied.contains(aaguid) && (allowed.is_empty() || allowed.contains(aaguid))
        };
        for model in metadata.models.iter().filter(|model| !model.distrusted && fits(&model.aaguid))
        {
            for root in &model.roots {
                let name = model.description.clone();
                // A root that cannot be read attests to nothing.
                if roots.insert_device_der(root, model.aaguid, name, BTreeMap::new()).is_ok() {
                    names.insert(model.aaguid, model.description.clone());
                }
            }
        }
        Self { roots: roots.build(), names }
    }

    /// What a model is called.
    pub fn name(&self, aaguid: Uuid) -> Option<&str> {
        self.names.get(&aaguid).map(String::as_str)
    }

    /// How many models.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether a maker whose root we trust for this very model signed for it.
    pub(crate) fn attest(&self, credential: &Credential) -> bool {
        let aaguid = match &credential.attestation.metadata {
            AttestationMetadata::Packed { aaguid } | AttestationMetadata::Tpm { aaguid, .. } => {
                aaguid
            }
            AttestationMetadata::None
            | AttestationMetadata::AndroidKey { .. }
            | AttestationMetadata::AndroidSafetyNet { .. } => return false,
        };
        if self.is_empty() {
            return false;
        }
        match credential.verify_attestation(&self.roots) {
            Ok(Some(root)) => root.aaguids().contains_key(aaguid),
            Ok(None) | Err(_) => false,
        }
    }
}

/// The model that authenticator data in an attestation object names (WebAuthn L3 §6.5.1); `None` when it hides it.
pub(crate) fn aaguid(attestation_object: &[u8]) -> Option<Uuid> {
    let mut decoder = minicbor::Decoder::new(attestation_object);
    let entries = decoder.map().ok()??;
    for _ in 0..entries {
        if decoder.str().ok()? == "authData" {
            let data = decoder.bytes().ok()?;
            // rpIdHash (32), flags (1), signCount (4)
            let aaguid = Uuid::from_slice(data.get(37..53)?).ok()?;
            return (!aaguid.is_nil()).then_some(aaguid);
        }
        decoder.skip().ok()?;
    }
    None
}

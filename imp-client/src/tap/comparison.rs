//! Reference against probe, and the evidence of it. The reference exists in memory for this one comparison.
use imp_authenticator::StatementError;
use imp_authenticator::credential::{UnverifiedReferenceCredential, reference_digest};
use imp_authenticator::evidence::{
    AttackCheck, AttackOutcome, Comparison, ComparisonOutcome, MatchEvidence,
};
use imp_authenticator::message::ReleasedReference;
use imp_biometrics::{
    Capture, CompareError, Engine, Outcome, ProtectedTemplate, TemplateError, TemplateKey,
};
use imp_identity::Digest;
use imp_identity::refusal::Abandonment;
use jiff::Timestamp;

use super::phone::Answer;
use super::{Attempt, Failure};

/// What the phone released is not compared: the server is told so, and which digest it had, and decides.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotComparable {
    #[error("the reference's credential cannot be trusted")]
    Credential(#[from] StatementError),
    #[error("the reference's credential is for another user or phone")]
    SomebodyElses,
    #[error("the reference is not the one of its credential")]
    OtherDigest,
    #[error("the reference is past its date")]
    Expired,
    #[error("the reference is not a template")]
    Template(#[from] TemplateError),
    #[error("the template came without its key")]
    NoKey,
    #[error("the reference cannot be compared with the capture")]
    Compare(#[from] CompareError),
}

impl Attempt<'_> {
    /// Compares, wipes the reference, and says what came of it. Fails only on what was enrolled before recognition changed.
    pub(super) fn compare(
        &self,
        answer: &mut Answer,
        capture: &Capture,
    ) -> Result<MatchEvidence, Failure> {
        let released = take(&mut answer.reference);
        let digest = digest(&released);
        let engine = &self.agent.devices.engine;
        let now = self.agent.now();
        let comparison = {
            let _step = self.timeline.step("compare");
            self.template(&released, digest, now)
                .and_then(|(template, key)| compare(engine, capture, &template, &key))
                .or_else(|error| {
                    let shown = super::with_causes(&error);
                    tracing::warn!(error = shown, phone.id = %self.entry.phone, "the reference is not compared");
                    if error.is_outdated() {
                        Err(Failure::abandoned(Abandonment::ReferenceOutdated, shown))
                    } else {
                        Ok(not_compared(engine))
                    }
                })?
        };
        drop(released);
        Ok(MatchEvidence {
            challenge: answer.challenge.nonce,
            exporter: answer.contact.exporter(),
            reference_digest: digest,
            purpose: self.purpose,
            comparison,
            attack: attack(engine, capture),
            mask: capture.mask_worn(),
            model_set: engine.model_set().to_owned(),
            frames: u16::try_from(capture.frames_used()).unwrap_or(u16::MAX),
            steps: self.timeline.steps(),
            at: now,
        })
    }

    /// The template and its key, if the server signed it for this user and phone.
    fn template(
        &self,
        released: &ReleasedReference,
        digest: Digest,
        now: Timestamp,
    ) -> Result<(ProtectedTemplate, TemplateKey), NotComparable> {
        let keys: Vec<&[u8]> = self.standing.stored.statement_keys().collect();
        let credential =
            UnverifiedReferenceCredential::parse(&released.credential)?.verify_by_server(&keys)?;
        if (credential.user, credential.phone) != (self.entry.user, self.entry.phone) {
            return Err(NotComparable::SomebodyElses);
        }
        if credential.digest != digest {
            return Err(NotComparable::OtherDigest);
        }
        if credential.expires_at <= now {
            return Err(NotComparable::Expired);
        }
        let template = ProtectedTemplate::from_bytes(released.template.expose())?;
        let key = released.key.as_ref().ok_or(NotComparable::NoKey)?;
        Ok((template, TemplateKey::from(key.expose())))
    }
}

impl NotComparable {
    /// Whether it was good once, and recognition has changed since.
    const fn is_outdated(&self) -> bool {
        matches!(
            self,
            Self::Template(TemplateError::Unprotected)
                | Self::Compare(CompareError::ModelSet { .. } | CompareError::Pipeline { .. })
        )
    }
}

/// What the server compares with what was enrolled: the reference's digest, if the key is the template's own. A phone that
/// chose another key has released another reference.
fn digest(released: &ReleasedReference) -> Digest {
    let (salt, template) = (released.salt.expose(), released.template.expose());
    let key = released.key.as_ref().map(imp_authenticator::TemplateKey::expose);
    match (ProtectedTemplate::from_bytes(template), key) {
        (Ok(template), Some(key)) if template.is_of(&TemplateKey::from(key)) => {}
        // What is no template of ours has no key of its own.
        (Err(_), None) => {}
        (Ok(_) | Err(_), key) => {
            let key = key.map_or(&[][..], |key| key);
            return Digest::of(&[salt, template, b"another key", key]);
        }
    }
    reference_digest(salt, template)
}

/// Takes the reference out of the answer, which lives on until the receipt was delivered.
fn take(reference: &mut ReleasedReference) -> ReleasedReference {
    let nothing = ReleasedReference {
        template: Vec::new().into(),
        salt: [0; 32].into(),
        credential: Vec::new(),
        key: None,
    };
    std::mem::replace(reference, nothing)
}

fn compare(
    engine: &Engine,
    capture: &Capture,
    template: &ProtectedTemplate,
    key: &TemplateKey,
) -> Result<Comparison, NotComparable> {
    let verification = engine.compare_protected(capture, template, key)?;
    let outcome = match verification.outcome {
        Outcome::Match => ComparisonOutcome::Match,
        Outcome::NonMatch => ComparisonOutcome::NonMatch,
    };
    let (similarity, threshold) = (verification.similarity, verification.threshold);
    Ok(Comparison { outcome, similarity, threshold })
}

fn not_compared(engine: &Engine) -> Comparison {
    let thresholds = engine.thresholds().comparison.iter().map(|c| c.threshold);
    let threshold = thresholds.fold(1.0, f32::min);
    Comparison { outcome: ComparisonOutcome::NotCompared, similarity: 0.0, threshold }
}

fn attack(engine: &Engine, capture: &Capture) -> AttackCheck {
    let (score, threshold) = (capture.attack_score(), engine.thresholds().attack);
    // Written so that a score that is no number is an attack.
    let bona_fide = score >= threshold;
    let outcome = if bona_fide { AttackOutcome::BonaFide } else { AttackOutcome::Attack };
    AttackCheck { outcome, score, threshold }
}

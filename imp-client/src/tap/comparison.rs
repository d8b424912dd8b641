//! Reference against probe, and the evidence of it. The reference exists in memory for this one comparison.
use imp_authenticator::StatementError;
use imp_authenticator::credential::{UnverifiedReferenceCredential, reference_digest};
use imp_authenticator::evidence::{
    AttackCheck, AttackOutcome, Comparison, ComparisonOutcome, MatchEvidence,
};
use imp_authenticator::message::ReleasedReference;
use imp_biometrics::{Capture, CompareError, Engine, Outcome, Template, TemplateError};
use imp_identity::Digest;
use jiff::Timestamp;

use super::Attempt;
use super::phone::Answer;

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
    #[error("the reference cannot be compared with the capture")]
    Compare(#[from] CompareError),
}

impl Attempt<'_> {
    /// Compares, wipes the reference, and says what came of it.
    pub(super) fn compare(&self, answer: &mut Answer, capture: &Capture) -> MatchEvidence {
        let released = take(&mut answer.reference);
        let digest = reference_digest(released.salt.expose(), released.template.expose());
        let engine = &self.agent.devices.engine;
        let now = self.agent.now();
        let comparison = {
            let _step = self.timeline.step("compare");
            self.template(&released, digest, now)
                .and_then(|template| compare(engine, capture, &template))
                .unwrap_or_else(|error| {
                    let error = super::with_causes(&error);
                    tracing::warn!(error, phone.id = %self.entry.phone, "the reference is not compared");
                    not_compared(engine)
                })
        };
        drop(released);
        MatchEvidence {
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
        }
    }

    /// The template, if the server signed it for this user and phone.
    fn template(
        &self,
        released: &ReleasedReference,
        digest: Digest,
        now: Timestamp,
    ) -> Result<Template, NotComparable> {
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
        Ok(Template::from_bytes(released.template.expose())?)
    }
}

/// Takes the reference out of the answer, which lives on until the receipt was delivered.
fn take(reference: &mut ReleasedReference) -> ReleasedReference {
    let nothing = ReleasedReference {
        template: Vec::new().into(),
        salt: [0; 32].into(),
        credential: Vec::new(),
    };
    std::mem::replace(reference, nothing)
}

fn compare(
    engine: &Engine,
    capture: &Capture,
    template: &Template,
) -> Result<Comparison, NotComparable> {
    let verification = engine.compare(capture, template)?;
    let outcome = match verification.outcome {
        Outcome::Match => ComparisonOutcome::Match,
        Outcome::NonMatch => ComparisonOutcome::NonMatch,
    };
    let (similarity, threshold) = (verification.similarity, verification.threshold);
    Ok(Comparison { outcome, similarity, threshold })
}

fn not_compared(engine: &Engine) -> Comparison {
    let thresholds = engine.set().thresholds.comparison.iter().map(|c| c.threshold);
    let threshold = thresholds.fold(1.0, f32::min);
    Comparison { outcome: ComparisonOutcome::NotCompared, similarity: 0.0, threshold }
}

fn attack(engine: &Engine, capture: &Capture) -> AttackCheck {
    let (score, threshold) = (capture.attack_score(), engine.set().thresholds.attack);
    // Written so that a score that is no number is an attack.
    let bona_fide = score >= threshold;
    let outcome = if bona_fide { AttackOutcome::BonaFide } else { AttackOutcome::Attack };
    AttackCheck { outcome, score, threshold }
}

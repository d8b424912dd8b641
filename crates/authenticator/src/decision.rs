//! The server's verdict on a tap: pure, in one fixed order of reasons.
use imp_identity::attempts::Attempts;
use imp_identity::challenge::Challenge;
use imp_identity::phone::{self, Phone};
use imp_identity::policy::{Circumstances, Policy};
use imp_identity::reference::{self, Reference};
use imp_identity::spiffe::{Machine, SpiffeId, TrustDomain};
use imp_identity::tap::{Intent, Purpose, Step};
use imp_identity::user::User;
use imp_identity::workstation::{self, Workstation};
use imp_identity::{Digest, PhoneId, ReferenceId, Refusal, UserId, WorkstationId};
use jiff::Timestamp;

use crate::cose::Unverified;
use crate::evidence::{AttackOutcome, ComparisonOutcome, MatchEvidence};
use crate::statement::TapStatement;

mod presence;

pub use presence::{PresenceClaims, VerifiedPresence};

/// What the server knows when a tap is submitted.
#[derive(Clone, Copy, Debug)]
pub struct Knowledge<'a> {
    /// The installation.
    pub trust_domain: &'a TrustDomain,
    /// The workstation that submits, as its TLS certificate says.
    pub workstation: &'a Workstation,
    /// The phone that was asked.
    pub phone: &'a Phone,
    /// The phone's user.
    pub user: &'a User,
    /// Her active reference on that phone.
    pub reference: Option<&'a Reference>,
    /// The challenge of the tap that is submitted.
    pub challenge: &'a Challenge,
    /// The challenge that the statement answers, found by [`Claims::statement_nonce`].
    pub statement_challenge: Option<&'a Challenge>,
    /// Her failed comparisons.
    pub attempts: &'a Attempts,
    /// The policy in force.
    pub policy: &'a Policy,
}

/// The two statements of a submitted tap: not to be believed.
#[derive(Clone, Debug)]
pub struct Claims {
    statement: Unverified<TapStatement>,
    evidence: Unverified<MatchEvidence>,
}

/// A tap that was accepted. Only [`Claims::verify`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedTap {
    user: UserId,
    phone: PhoneId,
    workstation: WorkstationId,
    reference: ReferenceId,
    intent: Intent,
    evidence: MatchEvidence,
}

impl Claims {
    /// Reads both statements: malformed ones are [`Refusal::StatementInvalid`] and [`Refusal::EvidenceInvalid`].
    pub fn parse(statement: &[u8], evidence: &[u8]) -> Result<Self, Refusal> {
        Ok(Self {
            statement: Unverified::parse(statement).map_err(|_| Refusal::StatementInvalid)?,
            evidence: Unverified::parse(evidence).map_err(|_| Refusal::EvidenceInvalid)?,
        })
    }

    /// Digest of the nonce that the phone says it answers: under it the challenge is found.
    pub fn statement_nonce(&self) -> Digest {
        Digest::of(&[&self.statement.claims().challenge])
    }

    /// The phone that is said to have signed.
    pub const fn phone(&self) -> PhoneId {
        self.statement.phone()
    }

    /// Checks everything, in this order: machines, signatures, freshness, audience, session, reference, user,
    /// policy, attempts, models, presentation attack, comparison. The first that fails is the reason.
    pub fn verify(self, known: &Knowledge<'_>, now: Timestamp) -> Result<VerifiedTap, Refusal> {
        let (statement, evidence) = self.signed_by(known)?;
        check_freshness(&statement.challenge, Some(&evidence.challenge), known, now)?;
        let said = Said {
            workstation: &statement.workstation,
            purposes: &[statement.purpose, evidence.purpose],
            times: &[statement.at, evidence.at],
        };
        check_audience(&said, known, now)?;
        if Digest::from_bytes(statement.exporter) != Digest::from_bytes(evidence.exporter) {
            return Err(Refusal::ExporterMismatch);
        }
        let reference = check_reference(&statement, &evidence, known, now)?;
        if !known.user.is_active() {
            return Err(Refusal::UserDisabled);
        }
        known.policy.allows(&Circumstances {
            role: known.user.role,
            user_unit: known.user.unit.as_ref(),
            workstation_unit: known.workstation.unit.as_ref(),
            purpose: evidence.purpose,
            at: now,
        })?;
        known.attempts.check(now)?;
        check_models(&evidence, reference, known.policy)?;
        check_outcomes(&evidence)?;
        Ok(VerifiedTap {
            user: known.user.id,
            phone: known.phone.id,
            workstation: known.workstation.id,
            reference: reference.id,
            intent: statement.intent,
            evidence,
        })
    }

    /// Both statements, if the machines count and signed them.
    fn signed_by(self, known: &Knowledge<'_>) -> Result<(TapStatement, MatchEvidence), Refusal> {
        let keys = keys(known)?;
        if self.statement.phone() != known.phone.id {
            return Err(Refusal::StatementInvalid);
        }
        if self.evidence.workstation() != known.workstation.id {
            return Err(Refusal::EvidenceInvalid);
        }
        let statement = self.statement.verify(keys.phone);
        let statement = statement.map_err(|_| Refusal::StatementInvalid)?;
        let evidence =
            self.evidence.verify(keys.workstation).map_err(|_| Refusal::EvidenceInvalid)?;
        Ok((statement, evidence))
    }
}

/// The keys of two machines that count.
struct Keys<'a> {
    phone: &'a [u8],
    workstation: &'a [u8],
}

/// Workstation and phone, if both count and the phone is the user's.
fn keys<'a>(known: &Knowledge<'a>) -> Result<Keys<'a>, Refusal> {
    let workstation = match &known.workstation.state {
        workstation::State::Enrolled { public_key, .. } => public_key,
        workstation::State::Invited(_) | workstation::State::Revoked { .. } => {
            return Err(Refusal::WorkstationRevoked);
        }
    };
    let phone = match &known.phone.state {
        phone::State::Bound(binding) => &binding.public_key,
        phone::State::Invited(_) => return Err(Refusal::PhoneUnknown),
        phone::State::Revoked { .. } => return Err(Refusal::PhoneRevoked),
    };
    if known.phone.user != known.user.id {
        return Err(Refusal::PhoneUnknown);
    }
    Ok(Keys { phone, workstation })
}

/// The challenges exist, were not used and have not expired, and everybody speaks of this tap's.
fn check_freshness(
    stated: &[u8; 32],
    evidenced: Option<&[u8; 32]>,
    known: &Knowledge<'_>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let answered = known.statement_challenge.ok_or(Refusal::ChallengeUnknown)?;
    if answered.nonce != Digest::of(&[stated]) {
        return Err(Refusal::ChallengeUnknown);
    }
    for challenge in [answered, known.challenge] {
        challenge.clone().consume(now)?;
    }
    if answered.workstation != known.workstation.id {
        // A live answer to somebody else's question: the audience is wrong, not the time.
        return Err(Refusal::WrongWorkstation);
    }
    let evidenced = evidenced.is_none_or(|nonce| known.challenge.nonce == Digest::of(&[nonce]));
    let same = answered.id == known.challenge.id && evidenced;
    if !same || known.challenge.phone != known.phone.id {
        return Err(Refusal::ChallengeUnknown);
    }
    Ok(())
}

/// What a phone, and perhaps a workstation, said about where, what for and when.
struct Said<'a> {
    workstation: &'a SpiffeId,
    purposes: &'a [Purpose],
    times: &'a [Timestamp],
}

/// The phone meant this workstation and this purpose, now.
fn check_audience(said: &Said<'_>, known: &Knowledge<'_>, now: Timestamp) -> Result<(), Refusal> {
    let here = SpiffeId {
        trust_domain: known.trust_domain.clone(),
        machine: Machine::Workstation(known.workstation.id),
    };
    if *said.workstation != here || known.challenge.workstation != known.workstation.id {
        return Err(Refusal::WrongWorkstation);
    }
    if said.purposes.iter().any(|purpose| *purpose != known.challenge.purpose) {
        return Err(Refusal::PurposeMismatch);
    }
    let far = |at: &Timestamp| at.duration_since(now).abs() > known.policy.clock_tolerance;
    if said.times.iter().any(far) {
        return Err(Refusal::ClockSkew);
    }
    Ok(())
}

/// What the phone released is the enrolled reference, and that counts.
fn check_reference<'a>(
    statement: &TapStatement,
    evidence: &MatchEvidence,
    known: &Knowledge<'a>,
    now: Timestamp,
) -> Result<&'a Reference, Refusal> {
    let reference = known.reference.ok_or(Refusal::ReferenceRevoked)?;
    match reference.state {
        reference::State::Active => {}
        reference::State::Issued | reference::State::Revoked { .. } => {
            return Err(Refusal::ReferenceRevoked);
        }
    }
    if now >= reference.expires_at {
        return Err(Refusal::ReferenceExpired);
    }
    let enrolled = (reference.user, reference.phone) == (known.user.id, known.phone.id);
    let digests = [statement.reference_digest, evidence.reference_digest];
    if !enrolled || digests != [reference.digest; 2] {
        return Err(Refusal::ReferenceMismatch);
    }
    Ok(reference)
}

/// The comparison was made with models and thresholds that count, and its outcomes follow from its scores.
fn check_models(
    evidence: &MatchEvidence,
    reference: &Reference,
    policy: &Policy,
) -> Result<(), Refusal> {
    let (comparison, attack) = (&evidence.comparison, &evidence.attack);
    policy.accepts_models(&evidence.model_set, comparison.threshold, attack.threshold)?;
    // Templates of different models cannot be compared.
    if evidence.model_set != reference.model_set {
        return Err(Refusal::ModelSetRefused);
    }
    let similar = comparison.similarity >= comparison.threshold;
    let live = attack.score >= attack.threshold;
    let comparison_follows = match comparison.outcome {
        ComparisonOutcome::Match => similar,
        ComparisonOutcome::NonMatch => !similar,
        ComparisonOutcome::NotCompared => true,
    };
    let attack_follows = match attack.outcome {
        AttackOutcome::BonaFide => live,
        AttackOutcome::Attack => !live,
        AttackOutcome::NotAssessed => true,
    };
    if comparison_follows && attack_follows && evidence.frames > 0 {
        Ok(())
    } else {
        Err(Refusal::EvidenceInvalid)
    }
}

/// A live face, and the enrolled one.
fn check_outcomes(evidence: &MatchEvidence) -> Result<(), Refusal> {
    match evidence.attack.outcome {
        AttackOutcome::BonaFide => {}
        AttackOutcome::Attack | AttackOutcome::NotAssessed => {
            return Err(Refusal::PresentationAttack);
        }
    }
    match evidence.comparison.outcome {
        ComparisonOutcome::Match => Ok(()),
        ComparisonOutcome::NonMatch | ComparisonOutcome::NotCompared => {
            Err(Refusal::ComparisonFailed)
        }
    }
}

impl VerifiedTap {
    /// Who.
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// With which phone.
    pub const fn phone(&self) -> PhoneId {
        self.phone
    }

    /// Where.
    pub const fn workstation(&self) -> WorkstationId {
        self.workstation
    }

    /// With which reference.
    pub const fn reference(&self) -> ReferenceId {
        self.reference
    }

    /// What for.
    pub const fn purpose(&self) -> Purpose {
        self.evidence.purpose
    }

    /// How she showed that she wants it.
    pub const fn intent(&self) -> Intent {
        self.intent
    }

    /// The models, as `name@version`.
    pub fn model_set(&self) -> &str {
        &self.evidence.model_set
    }

    /// Whether she wore a mask.
    pub const fn mask(&self) -> bool {
        self.evidence.mask
    }

    /// How long each step took.
    pub fn steps(&self) -> &[Step] {
        &self.evidence.steps
    }

    /// The whole evidence, with scores and thresholds.
    pub const fn evidence(&self) -> &MatchEvidence {
        &self.evidence
    }
}

#[cfg(test)]
mod tests;

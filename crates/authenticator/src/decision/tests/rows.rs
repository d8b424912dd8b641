//! What can be wrong with a tap.
use imp_identity::phone::Revocation;
use imp_identity::policy::{Hours, ModelSetFloor, Rule};
use imp_identity::user::Role;
use jiff::ToSpan as _;

use super::super::*;
use super::{Change, challenge, invitation};

use crate::testing::{SoftwareKey, now, sample};

/// One thing wrong, and the reason for it; in the order of reasons.
pub(super) const ROWS: &[(&str, Change, Refusal)] = &[
    (
        "workstation revoked",
        |c| {
            c.workstation.state =
                workstation::State::Revoked { at: now(), reason: Revocation::Administrator };
        },
        Refusal::WorkstationRevoked,
    ),
    (
        "workstation not enrolled",
        |c| {
            c.workstation.state = workstation::State::Invited(invitation());
        },
        Refusal::WorkstationRevoked,
    ),
    (
        "phone revoked",
        |c| {
            c.phone.state = phone::State::Revoked { at: now(), reason: Revocation::Lost };
        },
        Refusal::PhoneRevoked,
    ),
    (
        "phone not bound",
        |c| {
            c.phone.state = phone::State::Invited(invitation());
        },
        Refusal::PhoneUnknown,
    ),
    ("phone of another user", |c| c.phone.user = sample::id(99), Refusal::PhoneUnknown),
    ("statement by another key", |c| c.device = SoftwareKey::generate(), Refusal::StatementInvalid),
    ("statement by another phone", |c| c.signed_as.0 = sample::id(99), Refusal::StatementInvalid),
    ("evidence by another key", |c| c.machine = SoftwareKey::generate(), Refusal::EvidenceInvalid),
    (
        "evidence by another workstation",
        |c| c.signed_as.1 = sample::id(99),
        Refusal::EvidenceInvalid,
    ),
    ("challenge never given", |c| c.statement.challenge = [1; 32], Refusal::ChallengeUnknown),
    (
        "challenge of another nonce",
        |c| {
            c.other = Some(Challenge { nonce: Digest::of(&[b"x"]), ..challenge() });
        },
        Refusal::ChallengeUnknown,
    ),
    (
        "evidence for another challenge",
        |c| c.evidence.challenge = [1; 32],
        Refusal::ChallengeUnknown,
    ),
    (
        "answer to another tap",
        |c| {
            c.other = Some(Challenge { id: sample::id(98), ..challenge() });
        },
        Refusal::ChallengeUnknown,
    ),
    (
        "challenge for another phone",
        |c| c.challenge.phone = sample::id(99),
        Refusal::ChallengeUnknown,
    ),
    ("challenge used", |c| c.challenge.used_at = Some(now()), Refusal::ChallengeUsed),
    (
        "recorded statement replayed",
        |c| {
            c.statement.challenge = [1; 32];
            c.other = Some(Challenge {
                id: sample::id(98),
                nonce: Digest::of(&[&[1; 32]]),
                used_at: Some(now()),
                ..challenge()
            });
        },
        Refusal::ChallengeUsed,
    ),
    ("challenge expired", |c| c.challenge.expires_at = now(), Refusal::ChallengeExpired),
    (
        "statement for another workstation",
        |c| {
            c.statement.workstation.machine = Machine::Workstation(sample::id(99));
        },
        Refusal::WrongWorkstation,
    ),
    (
        "statement for a phone",
        |c| {
            c.statement.workstation = sample::phone_name();
        },
        Refusal::WrongWorkstation,
    ),
    (
        "statement in another trust domain",
        |c| {
            c.statement.workstation.trust_domain = "elsewhere.example".parse().unwrap();
        },
        Refusal::WrongWorkstation,
    ),
    (
        "answer to another workstation's challenge",
        |c| {
            c.other =
                Some(Challenge { id: sample::id(98), workstation: sample::id(99), ..challenge() });
        },
        Refusal::WrongWorkstation,
    ),
    (
        "statement for another purpose",
        |c| c.statement.purpose = Purpose::StepUp,
        Refusal::PurposeMismatch,
    ),
    (
        "evidence for another purpose",
        |c| c.evidence.purpose = Purpose::StepUp,
        Refusal::PurposeMismatch,
    ),
    (
        "challenge for another purpose",
        |c| c.challenge.purpose = Purpose::StepUp,
        Refusal::PurposeMismatch,
    ),
    ("phone's clock behind", |c| c.statement.at = now() - 121.seconds(), Refusal::ClockSkew),
    ("phone's clock ahead", |c| c.statement.at = now() + 121.seconds(), Refusal::ClockSkew),
    ("workstation's clock behind", |c| c.evidence.at = now() - 121.seconds(), Refusal::ClockSkew),
    ("somebody in between", |c| c.evidence.exporter = [1; 32], Refusal::ExporterMismatch),
    ("no reference", |c| c.reference = None, Refusal::ReferenceRevoked),
    (
        "reference revoked",
        |c| {
            c.reference().state =
                reference::State::Revoked { at: now(), reason: Revocation::Erased };
        },
        Refusal::ReferenceRevoked,
    ),
    (
        "reference never confirmed",
        |c| {
            c.reference().state = reference::State::Issued;
        },
        Refusal::ReferenceRevoked,
    ),
    ("reference expired", |c| c.reference().expires_at = now(), Refusal::ReferenceExpired),
    (
        "phone says another digest",
        |c| {
            c.statement.reference_digest = Digest::of(&[b"x"]);
        },
        Refusal::ReferenceMismatch,
    ),
    (
        "phone released another template",
        |c| {
            c.evidence.reference_digest = Digest::of(&[b"x"]);
        },
        Refusal::ReferenceMismatch,
    ),
    (
        "another template was enrolled",
        |c| {
            c.reference().digest = Digest::of(&[b"x"]);
        },
        Refusal::ReferenceMismatch,
    ),
    (
        "reference of another user",
        |c| c.reference().user = sample::id(99),
        Refusal::ReferenceMismatch,
    ),
    (
        "reference of another phone",
        |c| c.reference().phone = sample::id(99),
        Refusal::ReferenceMismatch,
    ),
    (
        "user disabled",
        |c| {
            c.user.state = imp_identity::user::State::Disabled { at: now() };
        },
        Refusal::UserDisabled,
    ),
    (
        "role not allowed",
        |c| {
            c.rule(Rule { roles: vec![Role::Officer], ..Rule::default() });
        },
        Refusal::PolicyRole,
    ),
    (
        "place not allowed",
        |c| {
            c.rule(Rule {
                workstation_units: vec!["Pharmacy".parse().unwrap()],
                ..Rule::default()
            });
        },
        Refusal::PolicyPlace,
    ),
    (
        "unit not allowed",
        |c| {
            c.rule(Rule { user_units: vec!["Pharmacy".parse().unwrap()], ..Rule::default() });
        },
        Refusal::PolicyPlace,
    ),
    (
        "purpose not allowed",
        |c| {
            c.rule(Rule { purposes: vec![Purpose::Unlock], ..Rule::default() });
        },
        Refusal::PolicyPurpose,
    ),
    (
        "hour not allowed",
        |c| {
            let hours =
                Hours { from: "20:00:00".parse().unwrap(), to: "06:00:00".parse().unwrap() };
            c.rule(Rule { hours: Some(hours), ..Rule::default() });
        },
        Refusal::PolicyHour,
    ),
    (
        "a wait is running",
        |c| {
            c.attempts.failures = 5;
            c.attempts.wait_until = Some(now() + 1.second());
        },
        Refusal::TooManyAttempts,
    ),
    ("fifty failures", |c| c.attempts.failures = 50, Refusal::BiometricDisabled),
    (
        "models not allowed",
        |c| {
            c.policy.model_sets = vec![ModelSetFloor {
                model_set: "imp-face@2".to_owned(),
                similarity: 0.0,
                bona_fide: 0.0,
            }];
        },
        Refusal::ModelSetRefused,
    ),
    (
        "comparison threshold too low",
        |c| {
            c.policy.model_sets = vec![ModelSetFloor {
                model_set: "imp-face@1".to_owned(),
                similarity: 0.4,
                bona_fide: 0.5,
            }];
        },
        Refusal::ModelSetRefused,
    ),
    (
        "attack threshold too low",
        |c| {
            c.policy.model_sets = vec![ModelSetFloor {
                model_set: "imp-face@1".to_owned(),
                similarity: 0.375,
                bona_fide: 0.6,
            }];
        },
        Refusal::ModelSetRefused,
    ),
    (
        "reference of other models",
        |c| {
            c.reference().model_set = "imp-face@0".to_owned();
        },
        Refusal::ModelSetRefused,
    ),
    (
        "a match below its threshold",
        |c| c.evidence.comparison.similarity = 0.3,
        Refusal::EvidenceInvalid,
    ),
    (
        "a non-match above its threshold",
        |c| {
            c.evidence.comparison.outcome = ComparisonOutcome::NonMatch;
        },
        Refusal::EvidenceInvalid,
    ),
    (
        "a live face below its threshold",
        |c| c.evidence.attack.score = 0.4,
        Refusal::EvidenceInvalid,
    ),
    (
        "an attack above its threshold",
        |c| {
            c.evidence.attack.outcome = AttackOutcome::Attack;
        },
        Refusal::EvidenceInvalid,
    ),
    ("no frames", |c| c.evidence.frames = 0, Refusal::EvidenceInvalid),
    (
        "a presentation attack",
        |c| {
            c.evidence.attack.outcome = AttackOutcome::Attack;
            c.evidence.attack.score = 0.1;
        },
        Refusal::PresentationAttack,
    ),
    (
        "nothing assessed",
        |c| {
            c.evidence.attack.outcome = AttackOutcome::NotAssessed;
        },
        Refusal::PresentationAttack,
    ),
    (
        "another face",
        |c| {
            c.evidence.comparison.outcome = ComparisonOutcome::NonMatch;
            c.evidence.comparison.similarity = 0.1;
        },
        Refusal::ComparisonFailed,
    ),
    (
        "nothing compared",
        |c| {
            c.evidence.comparison.outcome = ComparisonOutcome::NotCompared;
        },
        Refusal::ComparisonFailed,
    ),
];

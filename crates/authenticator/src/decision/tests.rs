use imp_identity::challenge::Audience;
use imp_identity::id::Id;
use imp_identity::invitation::Invitation;
use imp_identity::phone::{Binding, Revocation};
use imp_identity::policy::{Hours, ModelSetFloor, Rule};
use imp_identity::user::Role;
use jiff::{SignedDuration, ToSpan as _};
use std::sync::Arc;

use super::*;
use crate::Signer;
use crate::testing::{SoftwareKey, now, sample};

/// Everything of which a tap is decided. Tests change one thing.
struct Case {
    device: Arc<SoftwareKey>,
    machine: Arc<SoftwareKey>,
    /// Who the statement and the evidence say they are.
    signed_as: (PhoneId, WorkstationId),
    statement: TapStatement,
    evidence: MatchEvidence,
    trust_domain: TrustDomain,
    workstation: Workstation,
    phone: Phone,
    user: User,
    reference: Option<Reference>,
    challenge: Challenge,
    /// What is found for the statement's nonce, if not the tap's own challenge.
    other: Option<Challenge>,
    attempts: Attempts,
    policy: Policy,
}

fn challenge() -> Challenge {
    let audience = Audience {
        workstation: sample::workstation(),
        phone: sample::phone(),
        purpose: Purpose::TapIn,
    };
    Challenge {
        id: sample::id(8),
        tap: sample::id(9),
        nonce: Digest::of(&[&sample::CHALLENGE]),
        workstation: audience.workstation,
        phone: audience.phone,
        purpose: audience.purpose,
        expires_at: now() + 1.minute(),
        used_at: None,
    }
}

fn invitation() -> Invitation {
    Invitation { code: Digest::of(&[]), expires_at: now() }
}

impl Case {
    fn good() -> Self {
        let (device, machine) = (SoftwareKey::generate(), SoftwareKey::generate());
        let binding = Binding {
            public_key: device.public_key().to_vec(),
            identifier_key: sample::IDENTIFIER_KEY,
            at: now(),
        };
        Self {
            signed_as: (sample::phone(), sample::workstation()),
            statement: sample::statement(),
            evidence: sample::evidence(),
            trust_domain: sample::trust_domain(),
            workstation: Workstation {
                id: sample::workstation(),
                name: "Desk 2".parse().unwrap(),
                unit: Some("Ward 3".parse().unwrap()),
                site: None,
                state: workstation::State::Enrolled {
                    public_key: machine.public_key().to_vec(),
                    at: now(),
                },
            },
            phone: Phone {
                id: sample::phone(),
                user: sample::user(),
                state: phone::State::Bound(binding),
            },
            user: User {
                id: sample::user(),
                username: "ada".parse().unwrap(),
                display_name: "Ada".parse().unwrap(),
                role: Role::Staff,
                unit: Some("Ward 3".parse().unwrap()),
                email: None,
                state: imp_identity::user::State::Active,
            },
            reference: Some(Reference {
                id: sample::id(4),
                user: sample::user(),
                phone: sample::phone(),
                digest: sample::digest(),
                model_set: "imp-face@1".to_owned(),
                enrolment: sample::id(10),
                officer: sample::id(5),
                enrolled_at: now() - 24.hours(),
                expires_at: now() + 1000.hours(),
                state: reference::State::Active,
            }),
            challenge: challenge(),
            other: None,
            attempts: Attempts::none(sample::user()),
            policy: Policy::default(),
            device,
            machine,
        }
    }

    fn decide(&self) -> Result<VerifiedTap, Refusal> {
        let statement = self.statement.sign(self.signed_as.0, &*self.device).unwrap();
        let evidence = self.evidence.sign(self.signed_as.1, &*self.machine).unwrap();
        let claims = Claims::parse(&statement, &evidence)?;
        let own = || {
            let known = self.challenge.nonce == claims.statement_nonce();
            known.then(|| self.challenge.clone())
        };
        let found = self.other.clone().or_else(own);
        claims.verify(
            &Knowledge {
                trust_domain: &self.trust_domain,
                workstation: &self.workstation,
                phone: &self.phone,
                user: &self.user,
                reference: self.reference.as_ref(),
                challenge: &self.challenge,
                statement_challenge: found.as_ref(),
                attempts: &self.attempts,
                policy: &self.policy,
            },
            now(),
        )
    }

    fn reference(&mut self) -> &mut Reference {
        self.reference.as_mut().unwrap()
    }

    fn rule(&mut self, rule: Rule) {
        self.policy.rules = vec![rule];
    }
}

type Change = fn(&mut Case);

/// One thing wrong, and the reason for it; in the order of reasons.
const ROWS: &[(&str, Change, Refusal)] = &[
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

#[test]
fn a_good_tap_is_accepted_with_what_was_signed() {
    let tap = Case::good().decide().unwrap();
    assert_eq!((tap.user(), tap.phone()), (sample::user(), sample::phone()));
    assert_eq!((tap.workstation(), tap.reference()), (sample::workstation(), sample::id(4)));
    assert_eq!((tap.purpose(), tap.intent()), (Purpose::TapIn, Intent::Screen));
    assert_eq!((tap.model_set(), tap.mask(), tap.steps().len()), ("imp-face@1", true, 7));
    assert_eq!(tap.evidence(), &sample::evidence());
}

#[test]
fn one_thing_wrong_is_refused_for_exactly_that_reason() {
    for (what, change, reason) in ROWS {
        let mut case = Case::good();
        change(&mut case);
        assert_eq!(case.decide().map(drop).err(), Some(*reason), "{what}");
    }
}

#[test]
fn every_reason_that_a_decision_can_give_has_a_row() {
    for reason in Refusal::ALL {
        let tried = ROWS.iter().any(|(_, _, refusal)| refusal == reason);
        // Whether there is a session is for the server to say after the decision.
        assert_eq!(tried, *reason != Refusal::NoSession, "{reason}");
    }
}

#[test]
fn the_first_reason_in_the_documented_order_wins() {
    // Each later group of wrong things is added to the earlier ones: the earliest is always the reason.
    let order = [
        "workstation revoked",
        "statement by another key",
        "challenge used",
        "statement for another purpose",
        "somebody in between",
        "reference expired",
        "user disabled",
        "role not allowed",
        "fifty failures",
        "models not allowed",
        "a presentation attack",
        "another face",
    ];
    let rows: Vec<_> =
        order.iter().map(|name| ROWS.iter().find(|(what, _, _)| what == name).unwrap()).collect();
    for first in 0..rows.len() {
        let mut case = Case::good();
        for (_, change, _) in &rows[first..] {
            change(&mut case);
        }
        assert_eq!(case.decide().map(drop).err(), Some(rows[first].2), "{}", rows[first].0);
    }
}

#[test]
fn limits_are_inclusive_where_they_say_so() {
    let changes: [Change; 5] = [
        |c| c.statement.at = now() - 120.seconds(),
        |c| c.challenge.expires_at = now() + 1.nanosecond(),
        |c| c.evidence.comparison.similarity = c.evidence.comparison.threshold,
        |c| c.evidence.attack.score = c.evidence.attack.threshold,
        |c| c.attempts.failures = 49,
    ];
    for (i, change) in changes.iter().enumerate() {
        let mut case = Case::good();
        change(&mut case);
        assert!(case.decide().is_ok(), "{i}");
    }
}

#[test]
fn malformed_statements_are_named() {
    let case = Case::good();
    let statement = case.statement.sign(sample::phone(), &*case.device).unwrap();
    let evidence = case.evidence.sign(sample::workstation(), &*case.machine).unwrap();
    assert_eq!(Claims::parse(&evidence, &evidence).err(), Some(Refusal::StatementInvalid));
    assert_eq!(Claims::parse(&statement, &statement).err(), Some(Refusal::EvidenceInvalid));
    assert_eq!(Claims::parse(&[], &evidence).err(), Some(Refusal::StatementInvalid));
    let claims = Claims::parse(&statement, &evidence).unwrap();
    assert_eq!(claims.statement_nonce(), Digest::of(&[&sample::CHALLENGE]));
    assert_eq!(claims.phone(), sample::phone());
    let tolerance: SignedDuration = case.policy.clock_tolerance;
    assert_eq!(tolerance, SignedDuration::from_secs(120));
    let _: Id<Challenge> = case.challenge.id;
}

/// Somebody with two certificates of the trust domain stands between phone and workstation: each statement is
/// true, but they speak of two TLS sessions.
#[test]
fn a_relay_with_two_sessions_is_found_by_the_exporter_values() {
    use crate::channel::{Channel, ChannelEvent};
    use crate::knock::KnockGate;
    use crate::testing::Authority;
    use crate::testing::air::{Air, End, Faults};
    use rand::SeedableRng as _;
    use std::time::Duration;

    let authority = Authority::new("hospital.example");
    let session = |seed: u64| {
        let (client, server) = authority.configurations();
        let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
        let key = sample::IDENTIFIER_KEY;
        let mut workstation = Channel::initiate(client, &key, now(), 247, &mut rng).unwrap();
        let mut phone = Channel::respond(server, KnockGate::new(key), 247);
        let mut seen = [[0; 32]; 2];
        Air::new(seed, Faults::default()).run(
            &mut workstation,
            &mut phone,
            Duration::from_secs(2),
            |end, event, _| {
                if let ChannelEvent::Established { exporter, .. } = event {
                    seen[usize::from(end == End::Phone)] = exporter;
                }
            },
        );
        assert_eq!(seen[0], seen[1]);
        seen[0]
    };
    let (to_workstation, to_phone) = (session(1), session(2));
    let mut case = Case::good();
    case.statement.exporter = to_phone;
    case.evidence.exporter = to_workstation;
    assert_eq!(case.decide().map(drop).err(), Some(Refusal::ExporterMismatch));
    case.evidence.exporter = to_phone;
    assert!(case.decide().is_ok());
}

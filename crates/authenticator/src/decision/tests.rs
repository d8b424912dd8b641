use imp_identity::challenge::Audience;
use imp_identity::id::Id;
use imp_identity::invitation::Invitation;
use imp_identity::phone::Binding;
use imp_identity::policy::Rule;
use imp_identity::user::Role;
use jiff::{SignedDuration, ToSpan as _};
use std::sync::Arc;

use super::*;
use crate::testing::{SoftwareKey, now, sample};
use crate::{PresenceStatement, Signer};

mod rows;
use rows::ROWS;

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

    /// The verdict on the phone alone, for an unlock; whatever is wrong with the tap is wrong with it, too.
    fn decide_presence(&self) -> Result<VerifiedPresence, Refusal> {
        let TapStatement { challenge, ref workstation, exporter, purpose, intent, at, .. } =
            self.statement;
        let purpose = if purpose == Purpose::TapIn { Purpose::Unlock } else { purpose };
        let workstation = workstation.clone();
        let statement = PresenceStatement { challenge, workstation, exporter, purpose, intent, at };
        let statement = statement.sign(self.signed_as.0, &*self.device).unwrap();
        let claims = PresenceClaims::parse(&statement)?;
        let unlock = |mut challenge: Challenge| {
            if challenge.purpose == Purpose::TapIn {
                challenge.purpose = Purpose::Unlock;
            }
            challenge
        };
        let own = unlock(self.challenge.clone());
        let same = own.nonce == claims.statement_nonce();
        let found = self.other.clone().map(unlock).or_else(|| same.then(|| own.clone()));
        let known = Knowledge {
            trust_domain: &self.trust_domain,
            workstation: &self.workstation,
            phone: &self.phone,
            user: &self.user,
            reference: self.reference.as_ref(),
            challenge: &own,
            statement_challenge: found.as_ref(),
            attempts: &self.attempts,
            policy: &self.policy,
        };
        claims.verify(&self.evidence.exporter, &known, now())
    }

    fn reference(&mut self) -> &mut Reference {
        self.reference.as_mut().unwrap()
    }

    fn rule(&mut self, rule: Rule) {
        self.policy.rules = vec![rule];
    }
}

type Change = fn(&mut Case);

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
fn a_phone_alone_is_refused_for_what_a_tap_is_refused_but_for_its_face() {
    let good = Case::good().decide_presence().unwrap();
    assert_eq!((good.user(), good.phone()), (sample::user(), sample::phone()));
    assert_eq!((good.workstation(), good.intent()), (sample::workstation(), Intent::Screen));
    for (what, change, reason) in ROWS {
        let mut case = Case::good();
        change(&mut case);
        let verdict = case.decide_presence().map(drop).err();
        // What only evidence or reference say has no part in it; a rule that wants an unlock is content.
        let face_only = what.contains("evidence")
            || what.contains("reference")
            || what.contains("template")
            || what.contains("digest")
            || matches!(
                reason,
                Refusal::ModelSetRefused
                    | Refusal::EvidenceInvalid
                    | Refusal::PresentationAttack
                    | Refusal::ComparisonFailed
                    | Refusal::PolicyPurpose
            )
            || *what == "workstation's clock behind";
        assert_eq!(verdict, (!face_only).then_some(*reason), "{what}");
    }
}

#[test]
fn a_phone_alone_opens_nothing_and_its_word_is_not_a_taps() {
    let mut case = Case::good();
    let presence = sample::presence().sign(sample::phone(), &*case.device).unwrap();
    let evidence = case.evidence.sign(sample::workstation(), &*case.machine).unwrap();
    assert_eq!(Claims::parse(&presence, &evidence).err(), Some(Refusal::StatementInvalid));
    let tap = case.statement.sign(sample::phone(), &*case.device).unwrap();
    assert_eq!(PresenceClaims::parse(&tap).err(), Some(Refusal::StatementInvalid));
    for purpose in [Purpose::StepUp, Purpose::TapOut] {
        (case.statement.purpose, case.challenge.purpose) = (purpose, purpose);
        let refused = case.decide_presence().map(drop).err();
        assert_eq!(refused, Some(Refusal::PurposeMismatch), "{purpose}");
    }
}

#[test]
fn every_reason_that_a_decision_can_give_has_a_row() {
    for reason in Refusal::ALL {
        let tried = ROWS.iter().any(|(_, _, refusal)| refusal == reason);
        // Whether there is a session, and what it takes, is for the server to say after the decision.
        let later = matches!(reason, Refusal::NoSession | Refusal::OneFactorInsufficient);
        assert_eq!(tried, !later, "{reason}");
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

//! A small hospital to test with: people, a workstation, phones with keys, and taps that they sign. The parent module
//! brings `command` and `store` into scope; the bench shares this file.
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use imp_authenticator::{
    AttackCheck, AttackOutcome, Comparison, ComparisonOutcome, MatchEvidence, SignError, Signer,
    StorageStatement, TapStatement,
};
use imp_identity::challenge::Audience;
use imp_identity::spiffe::{Machine, SpiffeId, TrustDomain};
use imp_identity::tap::{Intent, Purpose, Step};
use imp_identity::user::{Role, User};
use imp_identity::workstation::Place;
use imp_identity::{Actor, Digest, Event, PhoneId, TapId, UserId, WorkstationId};
use imp_storage::Storage;
use jiff::{SignedDuration, Timestamp};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::command;
use super::command::Context;
use super::store::Tables as _;

/// The models that every test uses.
pub(super) const MODEL_SET: &str = "imp-face@1";

/// A P-256 key in memory.
pub(super) struct Key {
    pair: EcdsaKeyPair,
    public_key: Vec<u8>,
}

impl Key {
    /// A new key.
    pub(super) fn generate() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let mut public_key = data_encoding::HEXLOWER
            .decode(b"3059301306072a8648ce3d020106082a8648ce3d030107034200")
            .unwrap();
        public_key.extend_from_slice(pair.public_key().as_ref());
        Self { pair, public_key }
    }
}

impl Signer for Key {
    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(SignError::new)?;
        signature.as_ref().try_into().map_err(SignError::new)
    }
}

/// A workstation and its key.
pub(super) struct Desk {
    /// Names it.
    pub(super) id: WorkstationId,
    /// Its key.
    pub(super) key: Key,
}

/// An enrolled person and her phone.
pub(super) struct Nurse {
    /// Who.
    pub(super) user: User,
    /// Her phone.
    pub(super) phone: PhoneId,
    /// The phone's key.
    pub(super) key: Key,
    /// The digest of her reference.
    pub(super) digest: Digest,
}

/// What a workstation submits.
#[derive(Clone)]
pub(super) struct Signed {
    /// The tap.
    pub(super) tap: TapId,
    /// By the phone.
    pub(super) statement: Vec<u8>,
    /// By the workstation.
    pub(super) evidence: Vec<u8>,
}

/// The two statements of a good tap, to be spoiled.
#[derive(Clone)]
pub(super) struct Draft {
    /// By the phone.
    pub(super) statement: TapStatement,
    /// By the workstation.
    pub(super) evidence: MatchEvidence,
}

/// A server's database and everything that a context needs.
pub(super) struct Hospital {
    /// The database.
    pub(super) storage: Storage,
    /// The time.
    pub(super) now: Timestamp,
    /// The log's key.
    pub(super) log_key: std::sync::Arc<imp_translog::LogKey>,
    /// The statement key.
    pub(super) signer: std::sync::Arc<Key>,
    /// The installation.
    pub(super) trust_domain: TrustDomain,
    /// What issues to devices, if anything does.
    pub(super) authority: Option<std::sync::Arc<command::OwnAuthority>>,
    rng: StdRng,
}

impl Hospital {
    /// An empty one.
    pub(super) fn new(storage: Storage) -> Self {
        Self {
            storage,
            now: "2026-03-02T08:00:00Z".parse().unwrap(),
            log_key: std::sync::Arc::new(
                imp_translog::LogKey::generate("hospital.example/log").unwrap(),
            ),
            signer: std::sync::Arc::new(Key::generate()),
            trust_domain: "hospital.example".parse().unwrap(),
            authority: None,
            rng: StdRng::seed_from_u64(7),
        }
    }

    /// Another request at the same server.
    pub(super) fn beside(&self, seed: u64) -> Self {
        Self {
            storage: self.storage.clone(),
            now: self.now,
            log_key: std::sync::Arc::clone(&self.log_key),
            signer: std::sync::Arc::clone(&self.signer),
            trust_domain: self.trust_domain.clone(),
            authority: self.authority.clone(),
            rng: StdRng::seed_from_u64(seed),
        }
    }

    /// What a command works with.
    pub(super) fn context(&mut self) -> Context<'_> {
        Context {
            storage: &self.storage,
            now: self.now,
            rng: &mut self.rng,
            trust_domain: &self.trust_domain,
            signer: self.signer.as_ref(),
            log_key: &self.log_key,
            authority: self.authority.as_ref().map(|own| own.lend()),
        }
    }

    /// Lets time pass.
    pub(super) fn advance(&mut self, by: SignedDuration) {
        self.now += by;
    }

    /// A new user.
    pub(super) async fn user(&mut self, name: &str, role: Role) -> User {
        let new = command::NewUser {
            username: name.parse().unwrap(),
            display_name: name.parse().unwrap(),
            role,
            unit: Some("Ward 3".parse().unwrap()),
            email: None,
        };
        command::create_user(&mut self.context(), Actor::Server, new).await.unwrap()
    }

    /// A new enrolled workstation.
    pub(super) async fn desk(&mut self, name: &str) -> Desk {
        let name = name.parse().unwrap();
        let invited =
            command::invite_workstation(&mut self.context(), Actor::Server, name, Place::default())
                .await;
        let code = invited.unwrap().code;
        let key = Key::generate();
        let enrolled =
            command::enrol_workstation(&mut self.context(), &code, key.public_key().to_vec()).await;
        Desk { id: enrolled.unwrap().id, key }
    }

    /// A new user with a phone, enrolled by `officer`.
    pub(super) async fn nurse(&mut self, name: &str, officer: UserId, desk: &Desk) -> Nurse {
        let user = self.user(name, Role::Staff).await;
        self.enrol(user, officer, desk).await
    }

    /// Enrols a user with a new phone.
    pub(super) async fn enrol(&mut self, user: User, officer: UserId, desk: &Desk) -> Nurse {
        let opened = self.open_enrolment(&user, officer, desk).await;
        let key = Key::generate();
        let bound =
            command::bind_phone(&mut self.context(), &opened.code, key.public_key().to_vec()).await;
        let phone = bound.unwrap().phone.id;
        let digest = Digest::of(&[b"face", key.public_key()]);
        let nurse = Nurse { user, phone, key, digest };
        let issued = command::issue_reference(
            &mut self.context(),
            command::IssueReference {
                officer,
                workstation: desk.id,
                enrolment: opened.enrolment.id,
                digest,
                model_set: MODEL_SET.to_owned(),
            },
        )
        .await;
        let reference = issued.unwrap().reference.id;
        let stored = StorageStatement { reference, digest, at: self.now };
        let statement = stored.sign(nurse.phone, &nurse.key).unwrap();
        let request = command::ConfirmReference {
            officer,
            workstation: desk.id,
            enrolment: opened.enrolment.id,
            statement: &statement,
        };
        command::confirm_reference(&mut self.context(), request).await.unwrap();
        nurse
    }

    /// Begins an enrolment.
    pub(super) async fn open_enrolment(
        &mut self,
        user: &User,
        officer: UserId,
        desk: &Desk,
    ) -> command::EnrolmentOpened {
        let request = command::OpenEnrolment {
            officer,
            workstation: desk.id,
            username: user.username.clone(),
            notice: "2026-01".to_owned(),
        };
        command::open_enrolment(&mut self.context(), request).await.unwrap()
    }

    /// Opens a tap and drafts what a willing phone and an honest workstation would sign.
    pub(super) async fn draft(
        &mut self,
        nurse: &Nurse,
        desk: &Desk,
        purpose: Purpose,
    ) -> (TapId, Draft) {
        let audience = Audience { workstation: desk.id, phone: nurse.phone, purpose };
        let opened = command::open_tap(&mut self.context(), audience, command::Occasion::Press)
            .await
            .unwrap();
        let workstation = SpiffeId {
            trust_domain: self.trust_domain.clone(),
            machine: Machine::Workstation(desk.id),
        };
        let statement = TapStatement {
            challenge: opened.nonce,
            workstation,
            exporter: [9; 32],
            reference_digest: nurse.digest,
            purpose,
            intent: Intent::Screen,
            at: self.now,
        };
        let evidence = MatchEvidence {
            challenge: opened.nonce,
            exporter: [9; 32],
            reference_digest: nurse.digest,
            purpose,
            comparison: Comparison {
                outcome: ComparisonOutcome::Match,
                similarity: 0.8,
                threshold: 0.5,
            },
            attack: AttackCheck { outcome: AttackOutcome::BonaFide, score: 0.9, threshold: 0.5 },
            mask: true,
            model_set: MODEL_SET.to_owned(),
            frames: 5,
            steps: vec![Step { name: "compare".to_owned(), micros: 900 }],
            at: self.now,
        };
        (opened.tap, Draft { statement, evidence })
    }

    /// A good tap, signed but not submitted.
    pub(super) async fn signed(&mut self, nurse: &Nurse, desk: &Desk, purpose: Purpose) -> Signed {
        let (tap, draft) = self.draft(nurse, desk, purpose).await;
        draft.sign(tap, nurse, desk)
    }

    /// Submits.
    pub(super) async fn submit(
        &mut self,
        desk: &Desk,
        signed: &Signed,
    ) -> Result<command::TapAccepted, command::SubmitTapError> {
        let submission = command::Submission {
            workstation: desk.id,
            tap: signed.tap,
            statement: &signed.statement,
            evidence: &signed.evidence,
        };
        command::submit_tap(&mut self.context(), submission).await
    }

    /// A good tap.
    pub(super) async fn tap(
        &mut self,
        nurse: &Nurse,
        desk: &Desk,
        purpose: Purpose,
    ) -> Result<command::TapAccepted, command::SubmitTapError> {
        let signed = self.signed(nurse, desk, purpose).await;
        self.submit(desk, &signed).await
    }

    /// The names of the events from an index on.
    pub(super) async fn events_after(&self, place: u64) -> Vec<&'static str> {
        self.facts_after(place).await.iter().map(Event::name).collect()
    }

    /// The events from an index on.
    pub(super) async fn facts_after(&self, place: u64) -> Vec<Event> {
        let entries = command::events_page(&self.storage, place, 500).await.unwrap();
        entries.iter().filter_map(|stored| Some(stored.entry().unwrap()?.record.event)).collect()
    }

    /// What was recorded of erasures.
    pub(super) async fn facts_of_erasures(&self) -> Vec<Event> {
        let mut facts = self.facts_after(0).await;
        facts.retain(|event| {
            matches!(
                event,
                Event::ErasureRequested { .. }
                    | Event::ErasureRefused { .. }
                    | Event::RecordsErased { .. }
            )
        });
        facts
    }

    /// The index of the next event. Checks that no index is missing, and that the tree is that of the entries.
    pub(super) async fn place(&self) -> u64 {
        let mut place = 0;
        loop {
            let entries = command::events_page(&self.storage, place, 500).await.unwrap();
            if entries.is_empty() {
                break;
            }
            for entry in entries {
                assert_eq!(entry.index, place, "the log has a gap");
                place = entry.index + 1;
            }
        }
        let origin = self.log_key.verifier_key().name();
        let head = self.storage.read().await.unwrap().log().head(origin).await.unwrap();
        assert_eq!(head.map_or(0, |head| head.size), place, "the tree has other leaves");
        place
    }
}

impl Draft {
    /// Signs both statements.
    pub(super) fn sign(&self, tap: TapId, nurse: &Nurse, desk: &Desk) -> Signed {
        Signed {
            tap,
            statement: self.statement.sign(nurse.phone, &nurse.key).unwrap(),
            evidence: self.evidence.sign(desk.id, &desk.key).unwrap(),
        }
    }
}

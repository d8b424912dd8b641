//! One of everything that is said.
use imp_authenticator::{
    AttackCheck, AttackOutcome, Comparison, ComparisonOutcome, DeclineReason, Declined,
    MatchEvidence, Message, PresenceResponse, PresenceStatement, Receipt, ReceiptDelivery,
    ReferenceCredential, ReferenceStored, ReleasedReference, Roster, RosterEntry, Signer,
    StorageStatement, StoreReference, TapRequest, TapResponse, TapStatement, reference_digest,
};
use imp_identity::enrolment::Assurance;
use imp_identity::id::Id;
use imp_identity::spiffe::{Machine, SpiffeId, TrustDomain};
use imp_identity::tap::{Intent, Purpose, Step};
use imp_identity::{Digest, PhoneId, UserId, WorkstationId};
use jiff::ToSpan as _;

use super::now;

pub(crate) const IDENTIFIER_KEY: [u8; 32] = [0x1d; 32];
pub(crate) const CHALLENGE: [u8; 32] = [0xc4; 32];
pub(crate) const EXPORTER: [u8; 32] = [0xe8; 32];
pub(crate) const SALT: [u8; 32] = [0x5a; 32];

/// `UUIDv7`-like, with one number in it.
pub(crate) fn id<T>(number: u8) -> Id<T> {
    let mut bytes = *b"\x01\x93\x51\x2e\x4b\x00\x70\x00\x80\x00\x00\x00\x00\x00\x00\x00";
    bytes[15] = number;
    Id::from_bytes(bytes)
}

pub(crate) fn user() -> UserId {
    id(1)
}

pub(crate) fn phone() -> PhoneId {
    id(2)
}

pub(crate) fn workstation() -> WorkstationId {
    id(3)
}

pub(crate) fn trust_domain() -> TrustDomain {
    "hospital.example".parse().unwrap()
}

pub(crate) fn workstation_name() -> SpiffeId {
    SpiffeId { trust_domain: trust_domain(), machine: Machine::Workstation(workstation()) }
}

pub(crate) fn phone_name() -> SpiffeId {
    SpiffeId { trust_domain: trust_domain(), machine: Machine::Phone(phone()) }
}

/// As long as the engine's.
pub(crate) fn template() -> Vec<u8> {
    (0..640_u32).map(|i| (i * 37 % 251) as u8).collect()
}

pub(crate) fn digest() -> Digest {
    reference_digest(&SALT, &template())
}

pub(crate) fn statement() -> TapStatement {
    TapStatement {
        challenge: CHALLENGE,
        workstation: workstation_name(),
        exporter: EXPORTER,
        reference_digest: digest(),
        purpose: Purpose::TapIn,
        intent: Intent::Screen,
        at: now(),
    }
}

pub(crate) fn presence() -> PresenceStatement {
    PresenceStatement {
        challenge: CHALLENGE,
        workstation: workstation_name(),
        exporter: EXPORTER,
        purpose: Purpose::Unlock,
        intent: Intent::Screen,
        at: now(),
    }
}

pub(crate) fn evidence() -> MatchEvidence {
    let steps = ["ble-connect", "tls", "capture", "detect", "attack", "embed", "compare"];
    MatchEvidence {
        challenge: CHALLENGE,
        exporter: EXPORTER,
        reference_digest: digest(),
        purpose: Purpose::TapIn,
        comparison: Comparison {
            outcome: ComparisonOutcome::Match,
            similarity: 0.625,
            threshold: 0.375,
        },
        attack: AttackCheck { outcome: AttackOutcome::BonaFide, score: 0.875, threshold: 0.5 },
        mask: true,
        model_set: "imp-face@1".to_owned(),
        frames: 3,
        steps: steps.map(|name| Step { name: name.to_owned(), micros: 120_000 }).to_vec(),
        at: now(),
    }
}

pub(crate) fn credential() -> ReferenceCredential {
    ReferenceCredential {
        reference: id(4),
        user: user(),
        phone: phone(),
        digest: digest(),
        model_set: "imp-face@1".to_owned(),
        enrolled_at: now() - 24.hours(),
        enrolled_by: id(5),
        assurance: Assurance::Supervised,
        expires_at: now() + 8000.hours(),
    }
}

pub(crate) fn storage() -> StorageStatement {
    StorageStatement { reference: id(4), digest: digest(), at: now() }
}

pub(crate) fn receipt() -> Receipt {
    Receipt {
        event: id(6),
        index: 42,
        kind: "tap-accepted".to_owned(),
        at: now(),
        user: Some(user()),
        workstation: Some(workstation()),
        workstation_label: "Ward 3, desk 2".to_owned(),
        purpose: Some(Purpose::TapIn),
        session: Some(id(7)),
        record: record(),
        salt: SALT,
        proof: (0..26).map(|height| [height; 32]).collect(),
        checkpoint: checkpoint(),
    }
}

/// As the server writes a tap.
fn record() -> String {
    let steps = evidence()
        .steps
        .iter()
        .map(|step| format!(r#"{{"name":"{}","micros":{}}}"#, step.name, step.micros))
        .collect::<Vec<_>>();
    format!(
        r#"{{"id":"{}","at":"2026-11-22T08:00:00Z","actor":{{"kind":"workstation","id":"{}"}},"event":{{"type":"tap-accepted","tap":"{}","workstation":"{}","phone":"{}","user":"{}","purpose":"tap-in","session":"{}","model_set":"imp-face@1","mask":true,"steps":[{}]}}}}"#,
        id::<()>(6),
        workstation(),
        id::<()>(8),
        workstation(),
        phone(),
        user(),
        id::<()>(7),
        steps.join(",")
    )
}

/// As long as the log's, with one witness.
fn checkpoint() -> String {
    let line = |name: &str, length: usize| format!("\u{2014} {name} {}\n", "A".repeat(length));
    format!(
        "hospital.example/log\n60000000\n{}=\n\n{}{}",
        "A".repeat(43),
        line("hospital.example/log", 92),
        line("witness.example", 104)
    )
}

pub(crate) fn roster(entries: u32) -> Roster {
    let entry = |number: u32| {
        let mut phone = phone().into_bytes();
        phone[8..12].copy_from_slice(&number.to_be_bytes());
        let mut identifier_key = IDENTIFIER_KEY;
        identifier_key[..4].copy_from_slice(&number.to_be_bytes());
        RosterEntry {
            phone: PhoneId::from_bytes(phone),
            user: user(),
            username: format!("user.{number}"),
            display_name: format!("Nurse Number {number}"),
            identifier_key,
            public_key: vec![0x30; 91],
            reference: number.is_multiple_of(2).then(|| (id(4), digest())),
            active: true,
        }
    };
    Roster {
        trust_domain: trust_domain(),
        issued_at: now(),
        expires_at: now() + 4.hours(),
        entries: (0..entries).map(entry).collect(),
        policy_version: 7,
        offline: None,
    }
}

pub(crate) fn released(server: &dyn Signer) -> ReleasedReference {
    ReleasedReference {
        template: template().into(),
        salt: SALT.into(),
        credential: credential().sign(server).unwrap(),
        key: Some([0x4b; 32].into()),
    }
}

pub(crate) fn request() -> TapRequest {
    TapRequest {
        challenge: CHALLENGE,
        purpose: Purpose::TapIn,
        workstation_label: "Ward 3, desk 2".to_owned(),
        expires_at: now() + 1.minute(),
        intent: Intent::Screen,
    }
}

/// One message of each kind.
pub(crate) fn messages(device: &dyn Signer, server: &dyn Signer) -> Vec<Message> {
    vec![
        Message::TapRequest(request()),
        Message::TapResponse(TapResponse {
            statement: statement().sign(phone(), device).unwrap(),
            reference: released(server),
        }),
        Message::StoreReference(StoreReference { reference: released(server) }),
        Message::ReferenceStored(ReferenceStored {
            statement: storage().sign(phone(), device).unwrap(),
        }),
        Message::Receipt(ReceiptDelivery { receipt: receipt().sign(server).unwrap() }),
        Message::Acknowledged,
        Message::Declined(Declined {
            reason: DeclineReason::NotWilling,
            detail: "the owner pressed no".to_owned(),
        }),
        Message::PresenceRequest(TapRequest { purpose: Purpose::Unlock, ..request() }),
        Message::PresenceResponse(PresenceResponse {
            statement: presence().sign(phone(), device).unwrap(),
        }),
        // As phones keep it that were enrolled before templates had keys.
        Message::StoreReference(StoreReference {
            reference: ReleasedReference { key: None, ..released(server) },
        }),
    ]
}

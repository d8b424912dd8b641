//! A tap over HTTP, from enrolment to the session, and what becomes of the session.
use imp_api::enrolment::{ConfirmReference, IssueReference};
use imp_api::tap::{AbandonTap, OpenTap, SubmitTap, TapAccepted};
use imp_api::{Client, ClientError};
use imp_authenticator::{
    AttackCheck, AttackOutcome, Comparison, ComparisonOutcome, MatchEvidence, StorageStatement,
    TapStatement, UnverifiedReceipt,
};
use imp_identity::refusal::{Abandonment, Refusal};
use imp_identity::tap::{Intent, Purpose};
use imp_identity::{Clock as _, Digest, PhoneId, WorkstationId};

use crate::hospital::{Hospital, Machine, problem};

const MODELS: &str = "faces@1";

/// A workstation, and a phone that holds a confirmed reference.
struct Ward {
    hospital: Hospital,
    administrator: Client,
    workstation: (WorkstationId, Machine),
    phone: (PhoneId, Machine),
    digest: Digest,
}

#[tokio::test]
async fn a_tap_opens_a_session_that_is_suspended_resumed_and_ended() {
    let ward = Ward::open().await;
    let accepted = ward.tap(Purpose::TapIn).await.unwrap();
    assert_eq!(
        (accepted.session.username.as_str(), accepted.session.state.as_str()),
        ("nina", "active")
    );
    let keys = &ward.phone.1.credentials.statement_keys;
    UnverifiedReceipt::parse(&accepted.receipt.0).unwrap().verify(&keys[0].0).unwrap();
    let client = &ward.workstation.1.client;
    let sessions = client.sessions().await.unwrap().sessions;
    assert_eq!(sessions.iter().map(|s| s.id).collect::<Vec<_>>(), [accepted.session.id]);
    let suspended = client.suspend_session(accepted.session.id).await.unwrap();
    assert_eq!(suspended.state, "suspended");
    let resumed = ward.tap(Purpose::Unlock).await.unwrap();
    assert_eq!((resumed.session.id, resumed.session.state.as_str()), (suspended.id, "active"));
    let ended = ward.administrator.end_session(resumed.session.id).await.unwrap();
    assert_eq!(ended.state, "ended");
    assert_eq!(problem(client.suspend_session(ended.id).await), "session-ended");
    assert_eq!(problem(ward.administrator.end_session(ended.id).await), "session-ended");
}

#[tokio::test]
async fn a_refused_tap_says_why() {
    let ward = Ward::open().await;
    ward.phone.1.client.erase_reference(None).await.unwrap();
    let error = ward.tap(Purpose::TapIn).await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!((problem.code(), problem.status), ("tap-refused", 403));
    assert_eq!(problem.refusal, Some(Refusal::ReferenceRevoked));
    assert_eq!(problem.title, Refusal::ReferenceRevoked.explain());
}

#[tokio::test]
async fn a_workstation_reports_what_it_gave_up() {
    let ward = Ward::open().await;
    let client = &ward.workstation.1.client;
    let body = OpenTap { phone: ward.phone.0, purpose: Purpose::TapIn, ahead: false };
    let opened = client.open_tap(&body).await.unwrap();
    let abandon = AbandonTap {
        tap: None,
        phone: Some(ward.phone.0),
        purpose: Purpose::TapIn,
        reason: Abandonment::NoFace,
        steps: vec![],
    };
    client.abandon_tap(opened.tap, &abandon).await.unwrap();
    client
        .abandon(&AbandonTap { phone: None, reason: Abandonment::NoPhone, ..abandon.clone() })
        .await
        .unwrap();
    let unknown = imp_identity::TapId::from_bytes([7; 16]);
    assert_eq!(problem(client.abandon_tap(unknown, &abandon).await), "not-found");
}

impl Ward {
    async fn open() -> Self {
        let hospital = Hospital::open().await;
        let administrator = hospital.first_administrator().await;
        let workstation = hospital.workstation(&administrator).await;
        let desk = hospital.desk(&administrator, &workstation.1, "nina").await;
        let enrolment = desk.opened.enrolment;
        let digest = Digest::of(&[b"salt and template"]);
        let body = IssueReference { digest, model_set: MODELS.to_owned() };
        let early = desk.officer.issue_reference(enrolment, &body).await;
        assert_eq!(problem(early), "phone-not-bound");
        let (bound, phone) = hospital.phone(&desk).await;
        let issued = desk.officer.issue_reference(enrolment, &body).await.unwrap();
        let at = hospital.clock.now();
        let stored = StorageStatement { reference: issued.reference, digest, at };
        let statement = stored.sign(bound.phone, phone.signer.as_ref()).unwrap().into();
        let nonsense = ConfirmReference { statement: vec![1].into() };
        let refused = desk.officer.confirm_reference(enrolment, &nonsense).await;
        assert_eq!(problem(refused), "statement-invalid");
        desk.officer.confirm_reference(enrolment, &ConfirmReference { statement }).await.unwrap();
        assert!(desk.officer.enrolment(enrolment).await.unwrap().completed);
        Self { hospital, administrator, workstation, phone: (bound.phone, phone), digest }
    }

    async fn tap(&self, purpose: Purpose) -> Result<TapAccepted, ClientError> {
        let (workstation, phone) = (&self.workstation.1, &self.phone.1);
        let body = OpenTap { phone: self.phone.0, purpose, ahead: false };
        let opened = workstation.client.open_tap(&body).await?;
        let challenge = opened.challenge.0.as_slice().try_into().unwrap();
        let (exporter, at) = ([9; 32], self.hospital.clock.now());
        let statement = TapStatement {
            challenge,
            workstation: workstation.credentials.spiffe_id.clone(),
            exporter,
            reference_digest: self.digest,
            purpose,
            intent: Intent::Screen,
            at,
        };
        let comparison =
            Comparison { outcome: ComparisonOutcome::Match, similarity: 0.8, threshold: 0.5 };
        let attack = AttackCheck { outcome: AttackOutcome::BonaFide, score: 0.9, threshold: 0.5 };
        let evidence = MatchEvidence {
            challenge,
            exporter,
            reference_digest: self.digest,
            purpose,
            comparison,
            attack,
            mask: true,
            model_set: MODELS.to_owned(),
            frames: 5,
            steps: vec![],
            at,
        };
        let body = SubmitTap {
            statement: statement.sign(self.phone.0, phone.signer.as_ref()).unwrap().into(),
            evidence: evidence
                .sign(self.workstation.0, workstation.signer.as_ref())
                .unwrap()
                .into(),
        };
        workstation.client.submit_tap(opened.tap, &body).await
    }
}

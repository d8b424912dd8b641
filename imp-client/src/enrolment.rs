//! The supervised enrolment of a person (SP 800-63B-4 §4.1): bind her phone, take her photographs, give the phone the signed reference.
mod photographs;
mod reference;
mod trial;

use std::time::Duration;

use imp_api::ClientError;
use imp_api::enrolment::{EnrolmentOpened, EnrolmentStatus, OpenEnrolment};
use imp_authenticator::signer::SignError;
use imp_authenticator::{StatementError, identifier};
use imp_hardware::ble::Address;
use imp_identity::UserId;
pub use imp_socket::{EnrolCommand, Enrolled, Progress};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::agent::Agent;
use crate::crash;
use crate::server::Supervised;
use crate::state::StateError;
use crate::tap::{ContactError, FaceFailure};

/// What is kept while an enrolment is under way, so that it can be taken up after a crash. It holds the one-time code until the phone is
/// bound.
const FILE: &str = "enrolment.json";
/// How often the server is asked whether the phone is bound.
const POLL: Duration = Duration::from_secs(1);

/// The enrolment came to nothing. Running it again takes it up where it was.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// There is one already.
    #[error("another enrolment or tap is under way at this workstation")]
    Busy,
    /// The server said no, or nothing.
    #[error("the server did not agree")]
    Server(#[from] ClientError),
    /// It cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The one-time code was not used in time.
    #[error("the phone was not bound in time: begin again")]
    NotBound,
    /// The photographs.
    #[error("the photographs cannot be taken")]
    Camera(#[source] Failed),
    /// The photographs.
    #[error("the photographs cannot be used")]
    Photographs(#[from] imp_biometrics::EnrolError),
    /// The photographs.
    #[error("the photographs could not be evaluated")]
    Inference(#[from] imp_biometrics::InferenceError),
    /// The check for a live face.
    #[error("the camera did not see a live face: let her stand before the camera herself")]
    NotLive,
    /// She stands before the camera, and the new reference does not recognise her. Nothing was stored.
    #[error(
        "the new reference does not recognise her, and nothing was stored: take the photographs again, in the light in which she works, without dark glasses"
    )]
    NotRecognised(#[source] Failed),
    /// The server's credential is not for this reference.
    #[error("the server's credential cannot be trusted")]
    Credential(#[source] Option<StatementError>),
    /// The phone.
    #[error("the phone did not take the reference")]
    Phone(#[source] Failed),
    /// The phone's word.
    #[error("the phone's confirmation cannot be trusted")]
    Confirmation(#[source] Option<StatementError>),
    /// The phone is too far, or off.
    #[error("the phone is not heard: bring it near, switch Bluetooth on, and run this again")]
    PhoneNotHeard,
    /// The key does not sign.
    #[error("the key could not sign")]
    Sign(#[from] SignError),
}

/// What a device said.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

impl From<FaceFailure> for EnrolError {
    fn from(failure: FaceFailure) -> Self {
        Self::Camera(Box::new(failure))
    }
}

impl From<ContactError> for EnrolError {
    fn from(error: ContactError) -> Self {
        Self::Phone(Box::new(error))
    }
}

/// An enrolment under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sitting {
    username: String,
    opened: EnrolmentOpened,
}

/// A phone that is bound, and how it is found on the air.
struct BoundPhone {
    sitting: Sitting,
    identifier_key: [u8; 32],
}

impl BoundPhone {
    fn user(&self) -> UserId {
        self.sitting.opened.user
    }
}

/// What is told on the way.
pub type Tell<'a> = &'a (dyn Fn(Progress) + Send + Sync);

impl Agent {
    /// Enrols a person. After a crash, or when a step failed, run it again: it takes up the enrolment where it was.
    pub async fn enrol_person(
        &self,
        command: &EnrolCommand,
        tell: Tell<'_>,
    ) -> Result<Enrolled, EnrolError> {
        let _one_at_a_time = self.enrolling.try_lock().map_err(|_| EnrolError::Busy)?;
        let server = self.server.supervised(command.officer_token.clone());
        let (sitting, status) = self.sitting(&server, command, tell).await?;
        if status.completed {
            self.state.remove(FILE)?;
            let display_name = sitting.opened.display_name;
            return Ok(Enrolled { display_name, photographs: 0, receipt_delivered: false });
        }
        let phone = self.bound_phone(&server, sitting, status).await?;
        tell(Progress::PhoneBound);
        crash::point("enrol:bound");
        let _no_taps_meanwhile = self.busy.try_lock().map_err(|_| EnrolError::Busy)?;
        let _under_way = self.looking.begin();
        let (template, photographs) = self.photographs(tell).await?;
        tell(Progress::Photographed { photographs });
        crash::point("enrol:captured");
        let template = self.try_reference(template, tell).await?;
        let receipt_delivered = self.hand_over(&server, &phone, template, tell).await?;
        self.state.remove(FILE)?;
        let display_name = phone.sitting.opened.display_name;
        Ok(Enrolled { display_name, photographs, receipt_delivered })
    }

    /// The enrolment that was begun, or a new one.
    async fn sitting(
        &self,
        server: &Supervised<'_>,
        command: &EnrolCommand,
        tell: Tell<'_>,
    ) -> Result<(Sitting, EnrolmentStatus), EnrolError> {
        let kept: Option<Sitting> = self.state.read_json(FILE)?;
        let now = self.now();
        let kept = kept.filter(|s| s.username == command.username && now < s.opened.expires_at);
        if let Some(sitting) = kept {
            match server.status(sitting.opened.enrolment).await {
                Ok(status) => {
                    tell(sitting.progress(true));
                    return Ok((sitting, status));
                }
                Err(ClientError::Problem(problem)) if problem.status == 404 => {}
                Err(error) => return Err(error.into()),
            }
        }
        let body =
            OpenEnrolment { username: command.username.clone(), notice: command.notice.clone() };
        let opened = server.open(&body).await?;
        let sitting = Sitting { username: command.username.clone(), opened };
        self.state.write_json(FILE, &sitting)?;
        crash::point("enrol:opened");
        tell(sitting.progress(false));
        Ok((
            sitting,
            EnrolmentStatus { phone_bound: false, identifier_key: None, completed: false },
        ))
    }

    /// Waits until the phone has used its one-time code.
    async fn bound_phone(
        &self,
        server: &Supervised<'_>,
        sitting: Sitting,
        mut status: EnrolmentStatus,
    ) -> Result<BoundPhone, EnrolError> {
        let patience = Duration::from_secs(self.config.enrolment.patience_seconds.into());
        let deadline = Instant::now() + patience;
        loop {
            let key = status.identifier_key.filter(|_| status.phone_bound);
            if let Some(key) = key.and_then(|key| key.0.try_into().ok()) {
                return Ok(BoundPhone { sitting, identifier_key: key });
            }
            if Instant::now() >= deadline || self.now() >= sitting.opened.expires_at {
                self.state.remove(FILE)?;
                return Err(EnrolError::NotBound);
            }
            tokio::time::sleep(POLL).await;
            status = match server.status(sitting.opened.enrolment).await {
                // The server may come back before the code expires.
                Err(ClientError::Unreachable(_)) => {
                    EnrolmentStatus { phone_bound: false, identifier_key: None, completed: false }
                }
                answered => answered?,
            };
        }
    }

    /// Where the phone is on the air; the roster may not know it yet.
    fn address_of(&self, phone: &BoundPhone) -> Option<Address> {
        let (presence, now) = (self.presence(), Instant::now());
        if let Some(sighting) = presence.find(phone.sitting.opened.phone, now) {
            return Some(sighting.address.clone());
        }
        let slot = identifier::slot(self.now());
        let names = [slot.saturating_sub(1), slot, slot + 1]
            .map(|slot| identifier::identifier(&phone.identifier_key, slot));
        let mut unknown = presence.unknown(now).into_iter();
        unknown.find(|s| names.contains(&s.identifier)).map(|s| s.address.clone())
    }
}

impl Sitting {
    fn progress(&self, resumed: bool) -> Progress {
        Progress::Opened {
            display_name: self.opened.display_name.clone(),
            invitation: self.opened.invitation.clone(),
            expires_at: self.opened.expires_at,
            resumed,
        }
    }
}

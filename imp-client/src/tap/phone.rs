//! The phone's half of a tap: reach it, prove who we are, ask.
use std::sync::Arc;

use imp_api::ClientError;
use imp_api::tap::OpenTap;
use imp_authenticator::message::{
    DeclineReason, Declined, Message, PresenceResponse, ReceiptDelivery, ReleasedReference,
    TapRequest, TapResponse,
};
use imp_hardware::ble::{Address, Conversation, ConversationError, RadioError};
use imp_identity::PhoneId;
use imp_identity::refusal::Abandonment;
use imp_identity::spiffe::{Machine, SpiffeId};
use rand_core::UnwrapErr;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use super::{Attempt, Failure, with_causes};
use crate::agent::Agent;
use crate::crash;
use crate::credentials::Standing;
use crate::prefetch::Challenge;
use crate::timeline::Timeline;

/// A conversation with the phone that was meant, and no other.
pub(crate) struct Contact {
    conversation: Conversation,
}

/// Which phone is meant.
#[derive(Clone, Copy)]
pub(crate) struct Callee<'a> {
    pub(crate) phone: PhoneId,
    pub(crate) identifier_key: &'a [u8; 32],
    /// Its key, where it is known already.
    pub(crate) public_key: Option<&'a [u8]>,
}

/// The conversation failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContactError {
    #[error("the phone is not near")]
    NotNear,
    #[error("the radio failed")]
    Radio(#[source] RadioError),
    #[error("the link to the phone was lost")]
    Lost(#[source] ConversationError),
    #[error("the phone's certificate cannot be trusted")]
    Untrusted(#[source] Option<ConversationError>),
    #[error("the phone does not trust this workstation: it was revoked, or a clock is wrong")]
    Refused(#[source] ConversationError),
    #[error("the phone does not follow the protocol")]
    Protocol(#[source] Option<ConversationError>),
    #[error("the phone declined: {}", explain(.0.reason))]
    Declined(Declined),
}

/// What the phone answered.
pub(crate) struct Answer {
    pub(crate) contact: Contact,
    pub(crate) challenge: Challenge,
    pub(crate) statement: Vec<u8>,
    pub(crate) reference: ReleasedReference,
}

/// What the phone answered that was asked whether it is here.
pub(crate) struct Present {
    pub(crate) contact: Contact,
    pub(crate) challenge: Challenge,
    pub(crate) statement: Vec<u8>,
}

/// The phone's next message.
struct Answered {
    contact: Contact,
    challenge: Challenge,
    response: Message,
}

impl From<ConversationError> for ContactError {
    fn from(error: ConversationError) -> Self {
        match error {
            ConversationError::PeerUntrusted(_) => Self::Untrusted(Some(error)),
            ConversationError::Refused(_) => Self::Refused(error),
            ConversationError::Protocol(_) => Self::Protocol(Some(error)),
            ConversationError::Radio(_)
            | ConversationError::PeerLost(_)
            | ConversationError::Closed => Self::Lost(error),
        }
    }
}

impl From<ContactError> for Failure {
    fn from(error: ContactError) -> Self {
        let reason = match &error {
            ContactError::NotNear | ContactError::Radio(_) | ContactError::Lost(_) => {
                Abandonment::PhoneUnreachable
            }
            ContactError::Untrusted(_) => Abandonment::PhoneUntrusted,
            ContactError::Protocol(_) => Abandonment::PhoneProtocol,
            ContactError::Refused(_) | ContactError::Declined(_) => Abandonment::PhoneDeclined,
        };
        Self::abandoned(reason, with_causes(&error))
    }
}

impl ContactError {
    /// Whether another try may help.
    const fn is_loss(&self) -> bool {
        matches!(self, Self::NotNear | Self::Radio(_) | Self::Lost(_))
    }
}

impl Contact {
    /// Connects to the phone at `address` and makes sure that it is the one that is meant.
    pub(crate) async fn open(
        agent: &Agent,
        standing: &Standing,
        callee: Callee<'_>,
        address: &Address,
        timeline: &Timeline,
    ) -> Result<Self, ContactError> {
        let connection = {
            let _step = timeline.step("ble-connect");
            agent.devices.central.connect(address).await.map_err(ContactError::Radio)?
        };
        let conversation = {
            let _step = timeline.step("tls");
            let mut rng = UnwrapErr(rand::rngs::SysRng);
            let (tls, clock) = (Arc::clone(&standing.phone_tls), agent.clock.clone());
            Conversation::initiate(connection, tls, callee.identifier_key, clock, &mut rng).await?
        };
        let expected = SpiffeId {
            trust_domain: standing.anchors.trust_domain.clone(),
            machine: Machine::Phone(callee.phone),
        };
        let peer = conversation.peer();
        let same_key = callee.public_key.is_none_or(|key| peer.public_key == key);
        if peer.spiffe_id != expected || !same_key {
            return Err(ContactError::Untrusted(None));
        }
        Ok(Self { conversation })
    }

    /// Sends, and waits for the answer; [`Message::Declined`] is an error.
    pub(crate) async fn ask(&mut self, message: &Message) -> Result<Message, ContactError> {
        self.conversation.send(message).await?;
        let answer = self.conversation.receive().await?;
        if let Message::Declined(declined) = answer {
            return Err(ContactError::Declined(declined));
        }
        Ok(answer)
    }

    /// Hands the phone a receipt and waits until it has kept it.
    pub(crate) async fn hand_over(&mut self, receipt: Vec<u8>) -> Result<(), ContactError> {
        let delivery = Message::Receipt(ReceiptDelivery { receipt });
        let Message::Acknowledged = self.ask(&delivery).await? else {
            return Err(ContactError::Protocol(None));
        };
        Ok(())
    }

    /// The same; then the conversation is over.
    pub(crate) async fn deliver(mut self, receipt: Vec<u8>) -> Result<(), ContactError> {
        self.hand_over(receipt).await?;
        self.close().await;
        Ok(())
    }

    /// Says goodbye.
    pub(crate) async fn close(self) {
        self.conversation.close().await;
    }

    /// Whether the conversation has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.conversation.is_over()
    }

    /// Frames that have come, heartbeats among them.
    pub(crate) fn frames_received(&self) -> u64 {
        self.conversation.statistics().frames_received
    }

    /// The phone's key: a P-256 `SubjectPublicKeyInfo` in DER.
    pub(crate) fn public_key(&self) -> &[u8] {
        &self.conversation.peer().public_key
    }

    /// The TLS exporter value of the conversation.
    pub(crate) fn exporter(&self) -> [u8; 32] {
        self.conversation.exporter()
    }
}

impl Attempt<'_> {
    /// Has the phone answer the challenge and release the reference.
    pub(super) async fn ask_phone(&self) -> Result<Answer, Failure> {
        let Answered { contact, challenge, response } = self.ask(Message::TapRequest).await?;
        let Message::TapResponse(response) = response else {
            return Err(ContactError::Protocol(None).into());
        };
        crash::point("tap:responded");
        let TapResponse { statement, reference } = response;
        Ok(Answer { contact, challenge, statement, reference })
    }

    /// Has the phone say that it is here.
    pub(super) async fn ask_presence(&self) -> Result<Present, Failure> {
        let Answered { contact, challenge, response } = self.ask(Message::PresenceRequest).await?;
        let Message::PresenceResponse(PresenceResponse { statement }) = response else {
            return Err(ContactError::Protocol(None).into());
        };
        Ok(Present { contact, challenge, statement })
    }

    /// Has the phone answer the challenge. A link that is lost is opened once more, within the time of the tap.
    async fn ask(&self, request: fn(TapRequest) -> Message) -> Result<Answered, Failure> {
        let challenge = OnceCell::new();
        let mut again = true;
        loop {
            let exchange = self.exchange(&challenge, request);
            let Ok(result) = timeout_at(self.deadline, exchange).await else {
                let detail = "The phone did not answer in time.".to_owned();
                return Err(Failure::abandoned(Abandonment::PhoneUnreachable, detail));
            };
            match result {
                Err(Exchange::Contact(error)) if error.is_loss() && again => {
                    tracing::info!(error = %error, "trying the phone once more");
                    again = false;
                }
                Ok(answer) => return Ok(answer),
                Err(Exchange::Contact(error)) => return Err(error.into()),
                Err(Exchange::Challenge(failure)) => return Err(failure),
            }
        }
    }

    async fn exchange(
        &self,
        challenge: &OnceCell<Challenge>,
        request: fn(TapRequest) -> Message,
    ) -> Result<Answered, Exchange> {
        let kept = self.agent.links.take(self.entry.phone);
        if kept.is_some() {
            // Whatever becomes of this tap, nobody looks at that link any more: it says nothing about who is there.
            self.agent.departures.link_ended();
        }
        if let Some(contact) = kept.filter(|kept| kept.public_key() == self.entry.public_key) {
            let challenge = challenge.get_or_try_init(|| self.ask_challenge()).await;
            let challenge = challenge.map_err(Exchange::Challenge)?;
            crash::point("tap:connected");
            match self.request(contact, challenge, request).await {
                Ok(answered) => return Ok(answered),
                // What she said counts; everything else may be the link's age.
                Err(
                    error @ ContactError::Declined(Declined {
                        reason: DeclineReason::NotWilling,
                        ..
                    }),
                ) => {
                    return Err(Exchange::Contact(error));
                }
                Err(error) => tracing::info!(%error, "the kept link does not serve: a new one"),
            }
        }
        let contact = async { self.contact().await.map_err(Exchange::Contact) };
        let asked = async { challenge.get_or_try_init(|| self.ask_challenge()).await };
        let asked = async { asked.await.map_err(Exchange::Challenge) };
        let (contact, challenge) = tokio::try_join!(contact, asked)?;
        self.request(contact, challenge, request).await.map_err(Exchange::Contact)
    }

    async fn request(
        &self,
        mut contact: Contact,
        challenge: &Challenge,
        request: fn(TapRequest) -> Message,
    ) -> Result<Answered, ContactError> {
        let request = request(TapRequest {
            challenge: challenge.nonce,
            purpose: self.purpose,
            workstation_label: self.standing.stored.name.clone(),
            expires_at: challenge.expires_at,
            intent: self.intent,
        });
        crash::point("tap:requested");
        let response = {
            let _step = self.timeline.step("request");
            contact.ask(&request).await?
        };
        Ok(Answered { contact, challenge: challenge.clone(), response })
    }

    async fn contact(&self) -> Result<Contact, ContactError> {
        let phone = self.entry.phone;
        let address = {
            let presence = self.agent.presence();
            presence.find(phone, Instant::now()).map(|sighting| sighting.address.clone())
        };
        let address = address.ok_or(ContactError::NotNear)?;
        let callee = Callee {
            phone,
            identifier_key: &self.entry.identifier_key,
            public_key: Some(&self.entry.public_key),
        };
        let contact =
            Contact::open(self.agent, &self.standing, callee, &address, self.timeline).await?;
        crash::point("tap:connected");
        Ok(contact)
    }

    /// The challenge that was asked for ahead, or a new one.
    async fn ask_challenge(&self) -> Result<Challenge, Failure> {
        let _step = self.timeline.step("prefetch");
        let now = self.agent.now();
        let ahead = self.agent.prefetch().take(self.entry.phone, self.purpose, now);
        let challenge = match ahead {
            Some(challenge) => challenge,
            None => self.open_tap().await?,
        };
        if !challenge.drawn_here {
            self.tap.get_or_init(|| challenge.tap);
        }
        crash::point("tap:challenge");
        Ok(challenge)
    }

    async fn open_tap(&self) -> Result<Challenge, Failure> {
        let body = OpenTap { phone: self.entry.phone, purpose: self.purpose, ahead: false };
        let patience = self.agent.patience_with_server().map(|patience| Instant::now() + patience);
        let until = patience.map_or(self.deadline, |until| until.min(self.deadline));
        let opened = match timeout_at(until, self.agent.server.open_tap(&body)).await {
            Ok(Err(error @ ClientError::Unreachable(_))) => {
                let unreachable = || match self.agent.why_not_here() {
                    Some(detail) => Failure::abandoned(Abandonment::Timeout, detail),
                    None => error.into(),
                };
                return self.challenge_here().ok_or_else(unreachable);
            }
            Ok(answered) => answered?,
            Err(_elapsed) => {
                let late = || Failure::abandoned(Abandonment::Timeout, self.agent.why_not_here());
                return self.challenge_here().ok_or_else(late);
            }
        };
        let malformed = |error| Failure::abandoned(Abandonment::Timeout, with_causes(&error));
        Challenge::try_from(opened).map_err(malformed)
    }
}

/// What failed between workstation, phone and server.
enum Exchange {
    Contact(ContactError),
    Challenge(Failure),
}

/// One sentence for the person before the screen.
const fn explain(reason: DeclineReason) -> &'static str {
    match reason {
        DeclineReason::NotBound => "it is not bound to anybody; visit the enrolment desk",
        DeclineReason::NoReference => "it keeps no face; visit the enrolment desk",
        DeclineReason::Expired => "the request came too late; tap again",
        DeclineReason::NotWilling => "its owner did not agree",
        DeclineReason::Busy => "it is busy with another request; tap again",
        DeclineReason::UntrustedReference => "what it was given to keep is not for it",
        DeclineReason::Storage => "it cannot read what it keeps; visit the enrolment desk",
        DeclineReason::ClockSkew => {
            "its clock and this workstation's are too far apart; set both to network time"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_authenticator::ChannelError;

    #[test]
    fn each_failure_of_the_conversation_has_its_reason() {
        let reason = |error: ContactError| Failure::from(error).reason;
        let lost = ConversationError::PeerLost(ChannelError::Silent);
        let broken = ConversationError::Protocol(ChannelError::Knock);
        for (error, abandonment, again) in [
            (ContactError::NotNear, Abandonment::PhoneUnreachable, true),
            (lost.into(), Abandonment::PhoneUnreachable, true),
            (ConversationError::Closed.into(), Abandonment::PhoneUnreachable, true),
            (ContactError::Untrusted(None), Abandonment::PhoneUntrusted, false),
            (broken.into(), Abandonment::PhoneProtocol, false),
        ] {
            assert_eq!(error.is_loss(), again, "{error}");
            assert_eq!(reason(error), super::super::Reason::Abandoned(abandonment));
        }
        let declined = Declined { reason: DeclineReason::NoReference, detail: String::new() };
        let failure = Failure::from(ContactError::Declined(declined));
        assert!(failure.detail.unwrap().contains("enrolment desk"));
    }
}

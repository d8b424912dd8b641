//! One conversation with a workstation, from its first message to its end.
use std::sync::Arc;
use std::time::Duration;

use imp_authenticator::{Declined, Message, ReceiptDelivery, StoreReference, TapRequest};
use imp_hardware::ble::{Conversation, ConversationError};
use imp_identity::Clock;
use imp_identity::tap::Intent;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task;

use crate::conduct::{Asked, Conduct, TapError};
use crate::crash;
use crate::holder::Holder;
use crate::keep::Kept;
use crate::screen::{Answer, Notice, Question, Screen};
use crate::serve::Consent;

/// The longest time that a question stays on the screen.
const LONGEST_QUESTION: Duration = Duration::from_secs(30);

/// What a workstation wants of the phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// That it releases the face.
    Face,
    /// That it is here.
    Presence,
}

/// A conversation is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// It ended, or the link did.
    #[error(transparent)]
    Conversation(#[from] ConversationError),
    /// The workstation said what only a phone says.
    #[error("the workstation sent a message that is not for phones")]
    NotForPhones,
    /// The phone is stopping.
    #[error("the phone is stopping")]
    Stopping,
}

/// Answers one workstation.
#[derive(Clone)]
pub(crate) struct Attendant {
    pub(crate) holder: Arc<Holder>,
    pub(crate) conduct: Arc<dyn Conduct>,
    pub(crate) screen: Arc<dyn Screen>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) consent: Consent,
    /// One request at a time, over all conversations.
    pub(crate) busy: Arc<Semaphore>,
}

impl Attendant {
    /// Answers until the workstation or the link is gone.
    pub(crate) async fn attend(&self, conversation: &mut Conversation) -> Result<(), Ended> {
        let mut early = None;
        loop {
            let message = match early.take() {
                Some(message) => message,
                None => conversation.receive().await?,
            };
            match message {
                Message::TapRequest(request) => {
                    crash::point("tap:requested");
                    early = self.tap((request, Wanted::Face), conversation).await?;
                }
                Message::PresenceRequest(request) => {
                    early = self.tap((request, Wanted::Presence), conversation).await?;
                }
                Message::StoreReference(store) => {
                    crash::point("store:received");
                    let reply = self.store(store).await;
                    conversation.send(&reply).await?;
                    crash::point("store:acknowledged");
                }
                Message::Receipt(delivery) => {
                    crash::point("receipt:received");
                    let reply = self.receipt(delivery).await;
                    conversation.send(&reply).await?;
                }
                // The workstation gave up; there is nothing to take back.
                Message::Declined(_) => {}
                Message::TapResponse(_)
                | Message::PresenceResponse(_)
                | Message::ReferenceStored(_)
                | Message::Acknowledged => {
                    return Err(Ended::NotForPhones);
                }
            }
        }
    }

    /// Answers a request; returns the message by which the workstation interrupted it, if it did.
    async fn tap(
        &self,
        (request, wanted): (TapRequest, Wanted),
        conversation: &mut Conversation,
    ) -> Result<Option<Message>, Ended> {
        let (workstation, purpose) = (request.workstation_label.clone(), request.purpose);
        let mut early = None;
        let answered = self.answer((request, wanted), conversation, &mut early).await?;
        let reply = match &answered {
            Ok(reply) => reply.clone(),
            Err(error) => Message::Declined(error.declined()),
        };
        conversation.send(&reply).await?;
        crash::point("tap:responded");
        let answer = match answered {
            Ok(Message::PresenceResponse(_)) => Answer::Present,
            Ok(_) => Answer::Released,
            Err(error) => Answer::Declined(explain(&error)),
        };
        let at = self.clock.now();
        self.screen.show(&Notice::Asked { workstation, purpose, at, answer });
        Ok(early)
    }

    async fn answer(
        &self,
        (request, wanted): (TapRequest, Wanted),
        conversation: &mut Conversation,
        early: &mut Option<Message>,
    ) -> Result<Result<Message, TapError>, Ended> {
        let Ok(_turn) = self.busy.try_acquire() else { return Ok(Err(TapError::Busy)) };
        if let Err(error) = self.conduct.admit(&request, self.clock.now()) {
            return Ok(Err(error));
        }
        // A press on the phone is only what the phone itself has seen.
        let ask = self.consent == Consent::OnPhone || request.intent == Intent::Phone;
        let intent = if ask { Intent::Phone } else { request.intent };
        if ask {
            tokio::select! {
                agreed = self.ask(&request) => if !agreed { return Ok(Err(TapError::NotWilling)) },
                message = conversation.receive() => {
                    *early = Some(message?);
                    return Ok(Err(TapError::NotWilling));
                }
            }
        }
        let workstation = conversation.peer().spiffe_id.clone();
        let asked = Asked { request, workstation, exporter: conversation.exporter(), intent };
        let (conduct, holder) = (Arc::clone(&self.conduct), Arc::clone(&self.holder));
        let now = self.clock.now();
        let respond = move || match wanted {
            Wanted::Face => conduct.answer(&holder, &asked, now).map(Message::TapResponse),
            Wanted::Presence => {
                conduct.be_present(&holder, &asked, now).map(Message::PresenceResponse)
            }
        };
        task::spawn_blocking(respond).await.map_err(|_| Ended::Stopping)
    }

    async fn ask(&self, request: &TapRequest) -> bool {
        let question = Question {
            workstation: request.workstation_label.clone(),
            purpose: request.purpose,
            expires_at: request.expires_at,
        };
        let left = remaining(request.expires_at, self.clock.now());
        tokio::time::timeout(left, self.screen.ask(&question)).await.unwrap_or(false)
    }

    async fn store(&self, store: StoreReference) -> Message {
        let Ok(_turn) = self.busy.try_acquire() else {
            return Message::Declined(TapError::Busy.declined());
        };
        let (holder, now) = (Arc::clone(&self.holder), self.clock.now());
        match task::spawn_blocking(move || holder.store(&store.reference, now)).await {
            Ok(Ok((credential, stored))) => {
                self.screen.show(&Notice::Enrolled {
                    model_set: credential.model_set,
                    expires_at: credential.expires_at,
                });
                Message::ReferenceStored(stored)
            }
            Ok(Err(error)) => {
                self.screen.show(&Notice::NotEnrolled(explain(&error)));
                Message::Declined(error.declined())
            }
            Err(_) => stopping(),
        }
    }

    async fn receipt(&self, delivery: ReceiptDelivery) -> Message {
        let holder = Arc::clone(&self.holder);
        let now = self.clock.now();
        match task::spawn_blocking(move || holder.keep(&delivery.receipt, now)).await {
            Ok(Ok(Kept { receipt, sealed })) => {
                let notice = Notice::Receipt { kind: receipt.kind, index: receipt.index, sealed };
                self.screen.show(&notice);
                Message::Acknowledged
            }
            Ok(Err(error)) => {
                self.screen.show(&Notice::ReceiptRefused(explain(&error)));
                Message::Declined(error.declined())
            }
            Err(_) => stopping(),
        }
    }
}

fn stopping() -> Message {
    let reason = imp_authenticator::DeclineReason::Busy;
    Message::Declined(Declined { reason, detail: "this phone is stopping".to_owned() })
}

fn remaining(expires_at: Timestamp, now: Timestamp) -> Duration {
    let left = expires_at.duration_since(now);
    Duration::try_from(left).unwrap_or_default().min(LONGEST_QUESTION)
}

/// An error with its causes, in one line.
pub fn explain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

//! The words and rules of IMP: identifiers, entities, their states and transitions, and the events that
//! transitions return. No input or output, no asynchrony: time and randomness are arguments.
pub mod attempts;
pub mod authentication;
pub mod case;
pub mod challenge;
pub mod clock;
pub mod connection;
pub mod credential;
pub mod device;
pub mod digest;
pub mod emergency;
pub mod enrolment;
pub mod erasure;
pub mod event;
pub mod grant;
pub mod group;
pub mod id;
pub mod invitation;
pub mod name;
pub mod phone;
pub mod policy;
pub mod profile;
pub mod reference;
pub mod refusal;
pub mod search;
pub mod secret;
pub mod session;
pub mod sign_on;
pub mod spiffe;
pub mod tap;
pub mod user;
pub mod workstation;

pub use clock::Clock;
pub use digest::Digest;
pub use event::{Actor, Event, Record};
pub use id::{
    AcmeAccountId, AcmeOrderId, ApprovalId, CaseId, ChallengeId, ClientId, ConnectionProposalId,
    CredentialId, DeviceId, EnrolmentId, ErasureId, EventId, GrantId, GroupId, InteractionId,
    NoticeId, PhoneId, ReceiverId, ReferenceId, SearchId, SessionId, SignOnId, StreamId, TapId,
    UserId, WorkstationId,
};
pub use refusal::Refusal;
pub use secret::Secret;

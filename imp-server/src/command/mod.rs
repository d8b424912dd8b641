//! What the server does, an operation a file: load, decide, change, append the events, commit. A command that fails
//! leaves nothing behind, and a machine may repeat any command whose answer it did not get.
use std::sync::Arc;

use imp_authenticator::Signer;
use imp_identity::spiffe::TrustDomain;
use imp_identity::{Actor, Event, EventId, Record};
use imp_storage::{Storage, StorageError, Transaction};
use imp_translog::LogKey;
use jiff::Timestamp;
use rand::CryptoRng;

use crate::log::{self, Appended};

mod abandon_tap;
mod accept_device_code;
pub mod acme;
mod append_records;
mod approve_device;
mod authenticate;
mod authority;
mod bind_phone;
mod break_glass;
mod change_sessions;
mod confirm_reference;
pub mod connection;
mod contact_user;
mod create_user;
mod credentials;
mod deprovision;
mod device_lifecycle;
mod disable_user;
mod dispute_use;
mod enable_user;
mod end_session;
mod enrol_workstation;
mod enrolment_status;
mod erase_records;
mod erase_reference;
mod events;
mod expire_certificates;
mod expire_records;
mod expire_sessions;
mod hand_over;
mod import_directory;
mod initialise_server;
mod interaction;
mod invite_device;
mod invite_workstation;
mod issue_certificate;
mod issue_reference;
mod issue_sign_in_code;
mod judge_entries;
mod keep_cosignatures;
mod make_notices;
mod oauth;
mod officer;
mod open_enrolment;
mod open_tap;
mod own_uses;
mod place_workstation;
mod policy;
mod public_key;
mod purge;
mod receipt;
mod receiver;
mod reconcile_tap;
mod record_certificate;
mod redeem_sign_in_code;
mod refuse_access;
mod refuse_enrolment;
mod register_device;
mod review;
mod revoke_certificate;
mod revoke_phone;
mod revoke_workstation;
mod roster;
mod run_consumer;
mod saml_keys;
pub mod scim;
mod security_key;
mod send_notice;
mod service_certificates;
mod service_provider;
mod sign_in_browser;
mod sign_in_phone;
mod sign_on;
mod steer_consumer;
mod stream;
mod submit_tap;
mod suspend_session;
mod token;
mod users;

pub use crate::store::{
    Certificate, DeviceFilter, EnrolmentCode, Expiring, Issuance, Notice, StoredEntry, UserSession,
    Withdrawal,
};
pub use abandon_tap::{AbandonTapError, Abandoned, AbandonedTap, abandon_tap};
pub use accept_device_code::{AcceptDeviceCodeError, accept_device_code};
#[doc(hidden)]
pub use append_records::append_records;
pub use approve_device::{
    DecideEnrolmentError, approve_device, find_approval, open_approvals, reject_device,
};
pub use authenticate::{
    AuthenticateMachineError, authenticate_device, authenticate_phone, authenticate_workstation,
};
pub(crate) use authority::record_new_authorities;
pub use authority::{Authority, OwnAuthority, record_authority};
pub use bind_phone::{BindPhoneError, PhoneBound, bind_phone};
pub use break_glass::{
    BreakGlassError, BreakingGlass, ReviewBreakGlassError, break_glass, owed_reviews,
    review_break_glass,
};
pub(crate) use change_sessions::end_sessions_of_user;
pub use confirm_reference::{ConfirmReference, ConfirmReferenceError, confirm_reference};
pub use contact_user::{ContactUserError, contact_user};
pub use create_user::{CreateUserError, NewUser, create_user};
pub use credentials::{
    ChangeCredentialError, RegisterCredentialError, begin_credential, credentials_of_user,
    finish_credential, remove_credential, remove_own_credential, rename_credential,
};
pub use device_lifecycle::{ChangeDeviceError, DeviceChange, change_device};
pub use disable_user::{DisableUserError, disable_user};
pub use dispute_use::{Dispute, DisputeUseError, Disputed, dispute_use};
pub use enable_user::{EnableUserError, enable_user};
pub use end_session::{EndSessionError, end_session};
pub use enrol_workstation::{EnrolWorkstationError, enrol_workstation};
pub use enrolment_status::{EnrolmentStatus, enrolment_status};
pub use erase_records::{
    DecideErasureError, RequestErasureError, approve_erasure, continue_erasures, list_erasures,
    refuse_erasure, request_erasure,
};
pub use erase_reference::{EraseReferenceError, erase_reference};
pub use events::{events_of_user, events_page};
pub use expire_certificates::{expiry_forecast, tell_of_expiry};
pub use expire_records::expire_records;
pub use expire_sessions::expire_sessions;
pub use hand_over::{Desktop, HandOverError, HandedOver, hand_over, redeem_handover};
pub use import_directory::{Imported, import_directory, known_people, record_import};
pub use initialise_server::{AdministratorCode, initialise_server};
pub use interaction::{
    INTERACTION_LIFETIME, Interaction, InteractionAnswer, InteractionError, InteractionFailure,
    NewInteraction, TakenInteraction, answer_interaction, find_interaction, open_interaction,
    take_interaction,
};
pub use invite_device::{DeviceInvited, InviteDeviceError, invite_device};
pub use invite_workstation::{WorkstationInvited, invite_workstation, list_workstations};
pub(crate) use issue_certificate::row as certificate_row;
pub use issue_certificate::{IssueCertificateError, Issued, Order, issue_certificate};
pub use issue_reference::{IssueReference, IssueReferenceError, ReferenceIssued, issue_reference};
pub use issue_sign_in_code::{IssueSignInCodeError, SignInCode, issue_sign_in_code};
pub use judge_entries::{JudgeEntriesError, judge_entries};
pub(crate) use keep_cosignatures::{keep_cosignatures, report_refusal};
pub use make_notices::{Evening, make_notices};
pub use oauth::{
    ChangeClientError, ClientRegistered, DeviceOpened, Haste, KeepKeysError, NewDevice, NewGrant,
    OwnApplication, RedeemError, RegisterClientError, Registrar, SigningKeyState,
    applications_of_user, change_client, end_grants_of_session, find_client, find_client_named,
    keep_signing_keys, list_clients, list_signing_keys, queue_logouts, register_client,
    remove_client, renew_client_secret, revoke_grants_of_user, rotate_signing_keys,
    withdraw_application,
};
pub(crate) use oauth::{
    Told, counting_grant, due_logouts, end_grant, issue_code, issue_refresh, make_grant,
    next_to_leave, open_device, poll_device, record_client_refusal, record_logout, redeem_code,
    redeem_refresh, settle_logout, sign_on_counts, spare_logouts, take_logout, waiting_device,
};
pub use open_enrolment::{EnrolmentOpened, OpenEnrolment, OpenEnrolmentError, open_enrolment};
pub use open_tap::{Occasion, OpenTapError, TapOpened, open_tap};
pub use own_uses::{OwnUses, ProvenUse};
pub(crate) use own_uses::{own_use, own_uses};
pub use place_workstation::{PlaceWorkstationError, place_workstation};
pub use policy::{SetPolicyError, current_policy, set_policy};
pub use public_key::InvalidPublicKey;
pub use purge::{Purged, forget_shown, purge};
pub use receiver::{
    AdmitReceiverError, DismissReceiverError, NewReceiver, ReceiverAdmitted, admit_receiver,
    authenticate_receiver, dismiss_receiver, list_receivers,
};
pub use reconcile_tap::{ReconcileTapError, Reconciled, reconcile_tap};
pub use record_certificate::{RecordCertificateError, record_certificate};
pub use redeem_sign_in_code::{RedeemSignInCodeError, SignedIn, redeem_sign_in_code};
pub use refuse_access::{adopt_policies, refuse_access};
pub use refuse_enrolment::refuse_enrolment;
pub use register_device::{
    RegisterDeviceError, certificates_of_device, describe_device, find_device, find_device_named,
    list_devices, register_device,
};
pub use review::{
    AskError, Begun, CaseChange, CaseFile, ChangeCaseError, ExportLog, Group, KnownNames,
    LogExport, OpenCase, Paging, Piece, ProveError, Proven, ReadCaseError, RemoveSearchError,
    ResolveError, Reviewed, SaveSearch, SaveSearchError, SearchPage, Subject, Timeline,
    TimelineQuestion, begin_reading, change_case, export_log, find_case, find_search, list_cases,
    list_searches, open_case, permit_question, prove_entries, prove_entry, read_case, read_page,
    read_timeline, record_reading, remove_search, resolve_case, resolve_person,
    resolve_workstation, save_search, search_events,
};
pub use revoke_certificate::{RevokeCertificateError, reinstate_certificate, revoke_certificate};
pub use revoke_phone::{RevokePhoneError, phones_of_user, revoke_phone};
pub use revoke_workstation::{RevokeWorkstationError, revoke_workstation};
pub use roster::{RosterCache, RosterError, roster};
pub use run_consumer::{Shown, give_back_consumers, lend_consumer, settle_consumer};
pub use saml_keys::{ChangeSamlKeyError, SamlKeyChange, change_saml_key};
pub use security_key::{
    AnswerKeyError, AskKeyError, KeyAnswer, KeyAsked, answer_key, ask_key, ask_touch,
};
pub use send_notice::{
    ReadyNotice, Wording, due_notices, notice_of_link, notice_refused, notice_sent,
    notices_of_user, prepare_notice,
};
pub(crate) use service_certificates::{
    AppointSignerError, ShowListenerError, renew_listener, renew_ocsp_signer,
};
pub(crate) use service_provider::record_assertion;
pub use service_provider::{
    RegisterProviderError, change_service_provider, find_service_provider, list_service_providers,
    register_service_provider, service_provider,
};
pub use sign_in_browser::{
    Asked, Browser, SignInError, SignedOn, begin_passkey, finish_passkey, redeem_code_in_browser,
    redeem_desktop,
};
pub use sign_in_phone::{
    AnswerPhoneError, PhoneAsked, PhoneAwaited, answer_phone, await_phone, phone_question,
    redeem_phone,
};
pub use sign_on::{
    NewSignOn, end_sign_on, end_sign_on_asked_by, end_sign_ons_of_session, end_sign_ons_of_user,
    establish_sign_on, expire_sign_ons, find_sign_on_by_cookie, purge_sign_ons, sign_ons_of_user,
};
pub use steer_consumer::{
    ConsumerState, Steer, SteerConsumerError, list_consumers, list_set_aside, steer_consumer,
};
pub use stream::{
    Author, ChangeStreamError, Complaint, CreateStreamError, DeleteStreamError, NewStream, Poll,
    PollStreamError, Polled, ReplayStreamError, SetStreamStatusError, StreamChange, StreamState,
    Token, VerifyStreamError, delete_stream, find_stream, list_streams, poll_stream, replay_stream,
    set_stream_status, streams_of_receiver, verify_stream,
};
pub(crate) use stream::{INTERVAL, change_stream, create_stream, deliver_messages};
pub use submit_tap::{
    Presence, Submission, SubmitTapError, TapAccepted, submit_presence, submit_tap,
};
pub use suspend_session::{
    SuspendSessionError, sessions_of_workstation, suspend_session, touch_session,
};
pub use token::authenticate_token;
pub use users::{find_user, find_username, group_names, has_credential, list_users};

/// What every command works with.
pub struct Context<'a> {
    /// The database.
    pub storage: &'a Storage,
    /// The current instant.
    pub now: Timestamp,
    /// Randomness.
    pub rng: &'a mut (dyn CryptoRng + Send + Sync),
    /// The installation.
    pub trust_domain: &'a TrustDomain,
    /// The server's statement key.
    pub signer: &'a dyn Signer,
    /// The key that signs the log's checkpoints.
    pub log_key: &'a Arc<LogKey>,
    /// What issues certificates to devices; nothing does where devices do not come.
    pub authority: Option<Authority<'a>>,
}

impl Context<'_> {
    /// Appends an event to the log, within the transaction that makes the change.
    async fn append(
        &mut self,
        transaction: &mut Transaction,
        actor: &Actor,
        event: Event,
    ) -> Result<Appended, StorageError> {
        let id = EventId::generate(self.now, &mut self.rng);
        let record = Record { id, at: self.now, actor: actor.clone(), event };
        log::append(transaction, self.log_key, record, self.rng).await
    }
}

#[cfg(test)]
mod tests;

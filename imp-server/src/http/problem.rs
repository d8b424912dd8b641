//! Every kind of problem that this server answers with, and what the commands' errors become.
use std::error::Error;

use imp_identity::Refusal;
use imp_service::http::problem::INTERNAL;
use imp_service::http::{ProblemKind, ProblemResponse};
use imp_storage::StorageError;

/// Declares the kinds and their list.
macro_rules! kinds {
    ($($name:ident = $code:literal, $status:literal, $meaning:literal;)+) => {
        $(pub(crate) const $name: ProblemKind =
            ProblemKind { code: $code, status: $status, meaning: $meaning };)+

        /// Every kind, those of `imp-service` not counted, for the reference.
        #[cfg(test)]
        const KINDS: &[ProblemKind] = &[$($name),+];
    };
}

kinds! {
    TAP_REFUSED = "tap-refused", 403, "The tap was refused; `refusal` says why (see [Reasons](reasons.md)).";
    CERTIFICATE_REQUIRED = "certificate-required", 403, "This endpoint is for a machine, and the connection showed no client certificate.";
    CERTIFICATE_EXPIRED = "certificate-expired", 403, "The client certificate has expired since the connection was opened.";
    MACHINE_WRONG = "wrong-machine", 403, "The client certificate is another kind of machine's, or of another trust domain.";
    MACHINE_UNKNOWN = "machine-unknown", 403, "The machine that the client certificate names does not exist here.";
    MACHINE_REVOKED = "machine-revoked", 403, "The machine that the client certificate names was revoked.";
    MACHINE_OTHER_KEY = "machine-other-key", 403, "The certificate or the request is for another key than the one that the machine enrolled with.";
    SIGN_IN_REQUIRED = "sign-in-required", 401, "A bearer token is missing, unknown or expired.";
    SIGN_IN_STRONGER = "stronger-sign-in-required", 403, "The person must sign in with two factors for this; the title says how.";
    ACCESS_REFUSED = "access-refused", 403, "No policy permits this to the caller.";
    ROLE_INSUFFICIENT = "role-insufficient", 403, "The person may not do this.";
    CODE_INVALID = "code-invalid", 403, "The one-time code is not valid, or was used before.";
    CODE_EXPIRED = "code-expired", 403, "The one-time code has expired: ask for a new one.";
    CERTIFICATE_REQUEST_INVALID = "certificate-request-invalid", 422, "The certificate request is not PKCS#10 for a P-256 key, signed by that key.";
    SIGN_ON_REFUSED = "sign-on-refused", 403, "The browser was not signed on; the title says what may be said. The log says why.";
    INTERACTION_OVER = "interaction-over", 404, "The sign-in is over, or was begun in another browser: begin again at the application.";
    CROSS_SITE = "cross-site", 403, "The request came from a page of another site, or the browser did not say.";
    PASSKEYS_UNAVAILABLE = "passkeys-unavailable", 409, "The server is called by an address, and passkeys need a name.";
    CREDENTIAL_REFUSED = "credential-refused", 422, "The passkey or security key cannot be registered; the title says why.";
    CREDENTIAL_STATE = "credential-state", 409, "There are too many credentials, this one is registered, or it is the last way to sign in; the title says which.";
    PATH_INVALID = "path-invalid", 400, "An identifier in the path is not one.";
    QUERY_INVALID = "query-invalid", 400, "A parameter in the query is unknown or not what is expected.";
    NOT_FOUND = "not-found", 404, "There is no such thing, or none that the caller may know of.";
    NOT_IN_LOG = "not-in-log", 404, "The log has no such entry, size or tile (yet).";
    ERASURE_SCOPE = "erasure-scope", 422, "Either one entry or one person is to be named.";
    ERASURE_KEPT = "erasure-kept", 409, "The law wants the record kept until its time; `detail` says which.";
    ERASURE_STATE = "erasure-state", 409, "The record was erased, or the request was decided, already.";
    ERASURE_OWN = "erasure-own", 403, "Who asked for an erasure cannot decide it: two people must agree.";
    STREAM_INVALID = "stream-invalid", 422, "A stream of events cannot be made or changed like this; `detail` says why.";
    STREAM_CONFLICT = "stream-conflict", 409, "The name of the stream or receiver is taken, or there are as many as there may be.";
    TOO_SOON = "too-soon", 429, "This was asked for a moment ago. Wait, and ask again.";
    ATTENDANCE_REFUSED = "attendance-refused", 403, "The answer would show when somebody was at work: IMP never reports attendance. `detail` says what may be asked instead.";
    CLIENT_INVALID = "client-invalid", 422, "The application cannot be registered like this; `detail` says why.";
    CLIENT_STATE = "client-state", 409, "The application has no secret, there are as many applications as there may be, or one is registered with this entity ID.";
    SEARCH_NAME_TAKEN = "search-name-taken", 409, "There is a saved search of that name.";
    SEARCH_OF_CASE = "search-of-case", 422, "A question that is asked for one case cannot be saved.";
    CASE_INVALID = "case-invalid", 422, "The case needs a title or an entry, names an entry that the log does not have, or somebody who is not an active auditor.";
    CASE_STATE = "case-state", 409, "The case is not in a state that allows this; `detail` says why.";
    ROUTE_UNKNOWN = "route-unknown", 404, "There is nothing at this address.";
    METHOD_NOT_ALLOWED = "method-not-allowed", 405, "The address does not know this method.";
    USERNAME_TAKEN = "username-taken", 409, "Somebody has this username.";
    USER_DISABLED = "user-disabled", 403, "The user is disabled.";
    USER_STATE = "user-state", 409, "The user is active or disabled already.";
    LAST_ADMINISTRATOR = "last-administrator", 409, "The last administrator cannot be disabled.";
    ADMINISTRATOR_MISSING = "administrator-missing", 422, "The administrator token needs the first administrator's names.";
    ADMINISTRATOR_UNEXPECTED = "administrator-unexpected", 422, "This code does not create an administrator.";
    JOURNAL_BROKEN = "journal-broken", 409, "Entries are missing from the journal of the workstation, or others stand in their place; the title says which.";
    REVOKED_ALREADY = "revoked-already", 409, "It was revoked already.";
    NO_SESSION = "no-session", 409, "Nobody is signed in at this workstation, or its desktop is locked.";
    STEP_UP_REQUIRED = "step-up-required", 403, "More assurance, or a newer authentication, is required; `detail` names the purpose of the tap that brings it.";
    KEYS_UNAVAILABLE = "keys-unavailable", 409, "Passkeys and security keys need a server that is called by a name.";
    KEY_REFUSED = "key-refused", 403, "The security key was refused; `detail` says why (see [Reasons](reasons.md)).";
    BREAK_GLASS_REFUSED = "break-glass-refused", 403, "Entering in an emergency is not allowed to this person here.";
    SECOND_PERSON_REQUIRED = "second-person-required", 403, "Somebody else has to tap at this workstation now, and so vouch for the emergency; then ask again.";
    REVIEWED_ALREADY = "reviewed-already", 409, "It was reviewed already.";
    REVIEW_OWN = "review-own", 403, "Who took part in an emergency cannot review it.";
    SESSION_ENDED = "session-ended", 409, "The session has ended.";
    OWN_ENROLMENT = "own-enrolment", 403, "An officer cannot supervise her own enrolment.";
    NOTICE_INVALID = "notice-invalid", 422, "The version of the notice must be named.";
    ENROLMENT_STATE = "enrolment-state", 409, "The enrolment has expired or is complete.";
    PHONE_NOT_BOUND = "phone-not-bound", 409, "The phone has not used its one-time code yet.";
    MODEL_SET_REFUSED = "model-set-refused", 422, "The model set is not one that the policy allows.";
    STATEMENT_INVALID = "statement-invalid", 422, "The phone's storage statement does not count; `detail` says why.";
    REFERENCE_STATE = "reference-state", 409, "The reference is not in a state that allows this, or is another one.";
    NOTHING_TO_ERASE = "nothing-to-erase", 409, "There is no reference on this phone.";
    ENROLMENT_REFUSED = "enrolment-refused", 403, "The device is not given a certificate; `detail` says why in a word (docs/devices.md).";
    DEVICE_INVALID = "device-invalid", 422, "The inventory cannot say this of a device; `detail` says why.";
    DEVICE_TAKEN = "device-taken", 409, "Another device is called so, has this manufacturer and serial number, or one of these names on the network.";
    DEVICE_STATE = "device-state", 409, "The device or certificate is not in a state that allows this; the title says which.";
    ENROLMENT_DECIDED = "enrolment-decided", 409, "The enrolment was decided already.";
    ENROLMENT_OWN_DEVICE = "enrolment-own-device", 403, "Who registered or invited a device cannot approve its enrolment: two people must agree.";
    POLICY_INVALID = "policy-invalid", 422, "The policy cannot be put in force.";
    CONNECTION_POLICY_INVALID = "connection-policy-invalid", 422, "The rules of connections cannot be put in force; `detail` says why.";
    PROPOSAL_STATE = "proposal-state", 409, "There is nothing to propose, or the proposal was decided already; the title says which.";
    PROPOSAL_OWN = "proposal-own", 403, "Who asked for rules of connections cannot approve them: two people must agree.";
    REPORT_INVALID = "report-invalid", 422, "The report of an enforcement point is too long, or says what cannot be; `detail` says why.";
    REPORT_OF_OTHERS = "report-of-others", 403, "A machine reports of its own connections only; a gateway, of those behind it, too.";
    EVALUATION_INVALID = "evaluation-invalid", 400, "The questions about access are too many or incomplete; the title says which.";
    POLICY_CONFLICT = "policy-conflict", 409, "The policy has changed in the meantime: read it again.";
    BUSY = "busy", 503, "The database is busy. Try again.";
}

/// A refused tap.
pub(crate) fn refused(refusal: Refusal) -> ProblemResponse {
    let mut problem = TAP_REFUSED.says(refusal.explain());
    problem.0.refusal = Some(refusal);
    problem
}

/// The database failed: `error` is the operation's own, `storage` its source.
pub(crate) fn storage(error: &(dyn Error + 'static), storage: &StorageError) -> ProblemResponse {
    if storage.is_busy() {
        tracing::warn!(error, "the database is busy");
        return BUSY.says("The server is busy. Try again.");
    }
    INTERNAL.because(error)
}

/// A read failed.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn unread(error: StorageError) -> ProblemResponse {
    storage(&error, &error)
}

/// Something of our own failed.
pub(crate) fn internal(error: &(dyn Error + 'static)) -> ProblemResponse {
    INTERNAL.because(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;
    use std::path::Path;

    #[test]
    fn codes_are_unique_and_their_statuses_are_errors() {
        let mut codes: Vec<_> = all().iter().map(|kind| kind.code).collect();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
        assert!(all().iter().all(|kind| (400..600).contains(&kind.status)));
    }

    /// `IMP_WRITE_REFERENCE=1` writes the page instead of comparing.
    #[test]
    fn the_reference_lists_every_problem() {
        let mut page = String::from(
            "# Problems\n\nEvery error that `imp-server` answers is a problem (RFC 9457, `application/problem+json`). Its \
             `type` is\n`urn:imp:problem:` and one of these codes; the types are stable, the `title` is a sentence for \
             people and may change.\n\n| Code | Status | Meaning |\n|---|---|---|\n",
        );
        for kind in all() {
            writeln!(page, "| `{}` | {} | {} |", kind.code, kind.status, kind.meaning).unwrap();
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/problems.md");
        if std::env::var_os("IMP_WRITE_REFERENCE").is_some() {
            std::fs::write(&path, &page).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(written == page, "run this test with IMP_WRITE_REFERENCE=1");
    }

    fn all() -> Vec<ProblemKind> {
        let mut all = [KINDS, &imp_service::http::problem::KINDS].concat();
        all.sort_by_key(|kind| (kind.status, kind.code));
        all
    }
}

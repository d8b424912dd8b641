//! Members that several types of event have.
use super::event_type::Field;

macro_rules! fields {
    ($($name:ident = $field:literal $meaning:literal;)+) => {
        $(pub(super) const $name: Field = Field { name: $field, meaning: $meaning };)+
    };
}
fields! {
    USER = "user" "the user concerned, by identifier";
    USER_IF_KNOWN = "user" "the user concerned, by identifier; null if nobody is";
    OFFICER = "officer" "the officer who supervised";
    WORKSTATION = "workstation" "the workstation, by identifier";
    WORKSTATION_IF_ANY = "workstation" "the workstation concerned, by identifier; null without one";
    PHONE = "phone" "the phone, by identifier";
    PHONE_IF_KNOWN = "phone" "the phone, by identifier; null if it is not known";
    KEY = "key" "SHA-256 of its public key";
    REVOCATION = "reason" "why: `administrator`, `lost`, `superseded` or `erased`";
    EXPIRES_AT = "expires_at" "first instant at which it no longer counts";
    ENROLMENT = "enrolment" "the enrolment";
    REFERENCE = "reference" "the reference";
    MODEL_SET = "model_set" "the models of the comparison, as `name@version`";
    TAP = "tap" "the tap";
    PURPOSE = "purpose" "what for: `tap-in`, `unlock`, `step-up` or `tap-out`";
    SESSION = "session" "the session";
    FAILURES = "failures" "failed comparisons in a row";
    ERASURE = "erasure" "the request, which is decided and carried out under this identifier";
    INDEX = "index" "the index of the entry that it is about";
    REASON = "reason" "why, in somebody's words";
    STREAM = "stream" "the stream";
    RECEIVER = "receiver" "the receiver of streams";
    RECEIVER_IF_ANY = "receiver" "the receiver that asked for it with its token; null if none did";
    CASE = "case" "the case";
    SEARCH = "search" "the saved search";
    SIGN_ON = "sign_on" "the sign-on of a browser";
    CREDENTIAL = "credential" "the passkey or security key, by our identifier";
    CLIENT = "client" "the application";
    GRANT = "grant" "the grant";
    GROUP = "group" "the group";
    DEVICE = "device" "the device in the inventory";
    APPROVAL = "approval" "the enrolment that waits for a second person";
    MEANS = "means" "how it asked: `est`, `acme` or `token`";
    SERIAL = "serial" "the serial number, in hexadecimal";
    CERTIFICATE = "certificate" "SHA-256 of the authority's certificate";
    SUBJECT = "subject" "its name, as in its certificate";
    ACCOUNT = "account" "the ACME account, by our identifier";
    PEER = "peer" "whom it talked to";
    MACHINE = "machine" "the machine's SPIFFE ID";
    OUTCOME = "outcome" "`accepted`, `refused` or `abandoned`";
}

/// A member that only one type has.
pub(super) const fn field(name: &'static str, meaning: &'static str) -> Field {
    Field { name, meaning }
}

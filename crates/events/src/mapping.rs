//! What a type of event is in other people's vocabularies: the input of every export.

/// How a type of event is said elsewhere. The CEF signature id is the type's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// How much attention it deserves by itself.
    pub severity: Severity,
    /// As an audit message: DICOM PS3.15 A.5, which FHIR `AuditEvent` and IHE ATNA share.
    pub audit: Audit,
    /// As an OCSF event.
    pub ocsf: Ocsf,
}

/// How much attention a type of event deserves; the values are OCSF's `severity_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Severity {
    /// All in a day's work.
    Informational = 1,
    /// Something did not go as asked.
    Low = 2,
    /// Somebody should look.
    Medium = 3,
    /// Somebody should look today.
    High = 4,
    /// Somebody should look now.
    Critical = 5,
}

/// A type of event as a DICOM audit message (PS3.15 A.5.2) and a FHIR R4 `AuditEvent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    /// `EventID`; in FHIR `type`.
    pub event: Code,
    /// `EventTypeCode`; in FHIR `subtype`. The type's own name is a further one.
    pub kind: Option<Code>,
    /// `EventActionCode`; in FHIR `action`.
    pub action: Action,
    /// `EventOutcomeIndicator`; in FHIR `outcome`.
    pub outcome: Indicator,
}

/// A code of the DICOM Controlled Terminology (PS3.16 annex D, coding scheme `DCM`, in FHIR
/// `http://dicom.nema.org/resources/ontology/DCM`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The code value.
    pub value: &'static str,
    /// The code meaning.
    pub meaning: &'static str,
}

/// What was done, as RFC 3881 and FHIR's `audit-event-action` have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `C`
    Create,
    /// `R`
    Read,
    /// `U`
    Update,
    /// `D`
    Delete,
    /// `E`
    Execute,
}

/// Whether it succeeded, as RFC 3881 and FHIR's `audit-event-outcome` have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Indicator {
    /// It did.
    Success = 0,
    /// It did not, and may be repeated.
    MinorFailure = 4,
    /// It did not, and something is wrong.
    SeriousFailure = 8,
    /// Something does not work any more.
    MajorFailure = 12,
}

/// A type of event in the Open Cybersecurity Schema Framework 1.x; `type_uid` is `class * 100 + activity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ocsf {
    /// `class_uid`; `category_uid` is its thousands.
    pub class: u16,
    /// `activity_id` within the class.
    pub activity: u8,
}

impl Severity {
    /// On CEF's scale from 0 to 10.
    pub const fn cef(self) -> u8 {
        match self {
            Self::Informational => 2,
            Self::Low => 4,
            Self::Medium => 6,
            Self::High => 8,
            Self::Critical => 10,
        }
    }
}

impl Action {
    /// The letter.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Create => "C",
            Self::Read => "R",
            Self::Update => "U",
            Self::Delete => "D",
            Self::Execute => "E",
        }
    }
}

impl Indicator {
    /// The number, as text.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Success => "0",
            Self::MinorFailure => "4",
            Self::SeriousFailure => "8",
            Self::MajorFailure => "12",
        }
    }
}

impl Ocsf {
    /// `category_uid`: 1 system, 2 findings, 3 identity and access management, 4 network, 6 application.
    pub const fn category(self) -> u16 {
        self.class / 1000
    }

    /// `type_uid`.
    pub const fn type_uid(self) -> u32 {
        self.class as u32 * 100 + self.activity as u32
    }
}

/// Codes of DICOM PS3.16, CID 400 (`EventID`) and CID 401 (`EventTypeCode`), as far as IMP uses them.
pub mod dicom {
    use super::Code;

    macro_rules! codes {
        ($($(#[$doc:meta])* $name:ident = $value:literal $meaning:literal;)+) => {
            $($(#[$doc])* pub const $name: Code = Code { value: $value, meaning: $meaning };)+
        };
    }
    codes! {
        /// `EventID`: the application started, stopped, or did something of its own.
        APPLICATION_ACTIVITY = "110100" "Application Activity";
        /// `EventID`: the audit log was read.
        AUDIT_LOG_USED = "110101" "Audit Log Used";
        /// `EventID`: a security-relevant change or observation.
        SECURITY_ALERT = "110113" "Security Alert";
        /// `EventID`: somebody signed in or out, or tried.
        USER_AUTHENTICATION = "110114" "User Authentication";
        /// `EventID`: something was sent elsewhere.
        EXPORT = "110106" "Export";
        /// `EventTypeCode`
        APPLICATION_START = "110120" "Application Start";
        /// `EventTypeCode`
        LOGIN = "110122" "Login";
        /// `EventTypeCode`
        LOGOUT = "110123" "Logout";
        /// `EventTypeCode`
        NODE_AUTHENTICATION = "110126" "Node Authentication";
        /// `EventTypeCode`
        EMERGENCY_OVERRIDE_STARTED = "110127" "Emergency Override Started";
        /// `EventTypeCode`
        NETWORK_CONFIGURATION = "110128" "Network Configuration";
        /// `EventTypeCode`
        SECURITY_CONFIGURATION = "110129" "Security Configuration";
        /// `EventTypeCode`
        USE_OF_RESTRICTED_FUNCTION = "110132" "Use of Restricted Function";
        /// `EventTypeCode`
        OBJECT_SECURITY_ATTRIBUTES_CHANGED = "110135" "Object Security Attributes Changed";
        /// `EventTypeCode`
        SECURITY_ROLES_CHANGED = "110136" "Security Roles Changed";
        /// `EventTypeCode`
        USER_SECURITY_ATTRIBUTES_CHANGED = "110137" "User Security Attributes Changed";
    }
}

//! What can be asked for: the operations of the HTTP contract.

/// One operation: Cedar's action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its name in the contract (`operationId`).
    pub id: String,
    /// The groups that it is in: the contract's tags.
    pub groups: Vec<String>,
    /// Who can ask for it.
    pub callers: Vec<CallerKind>,
    /// What it is about.
    pub subject: SubjectKind,
}

macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Each of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its entity type in the schema.
            pub const fn entity_type(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant),)+
                }
            }
        }
    };
}

kinds! {
    /// Who can ask.
    CallerKind {
        /// Without saying who.
        Anyone,
        /// A person.
        User,
        /// A workstation.
        Workstation,
        /// A phone.
        Phone,
        /// A machine of the inventory.
        Device,
        /// A receiver of security events.
        Receiver,
        /// An application in its own name.
        Client,
    }
}

kinds! {
    /// What can be asked about.
    SubjectKind {
        /// The installation as a whole.
        Hospital,
        /// A device's enrolment that waits for a second person.
        Approval,
        /// A case of the review.
        Case,
        /// A machine's certificate.
        Certificate,
        /// An application.
        Client,
        /// A passkey or security key.
        Credential,
        /// A machine of the inventory.
        Device,
        /// An enrolment.
        Enrolment,
        /// An erasure of records.
        Erasure,
        /// A group of users.
        Group,
        /// A phone.
        Phone,
        /// A proposal for the connection policy.
        Proposal,
        /// A receiver of security events.
        Receiver,
        /// A saved search.
        Search,
        /// A session at a workstation.
        Session,
        /// A browser's sign-on.
        SignOn,
        /// A stream of events.
        Stream,
        /// A tap.
        Tap,
        /// A person.
        User,
        /// A workstation.
        Workstation,
    }
}

impl SubjectKind {
    /// The kind that a parameter of an address names; `None` when it names nothing that policies know.
    pub fn of_parameter(name: &str) -> Option<Self> {
        Some(match name.trim_end_matches("_id") {
            "approval" => Self::Approval,
            "number" => Self::Case,
            "serial" => Self::Certificate,
            "client" => Self::Client,
            "credential" => Self::Credential,
            "device" => Self::Device,
            "enrolment" => Self::Enrolment,
            "erasure" => Self::Erasure,
            "group" => Self::Group,
            "phone" => Self::Phone,
            "proposal" => Self::Proposal,
            "receiver" => Self::Receiver,
            "search" => Self::Search,
            "session" => Self::Session,
            "sign_on" => Self::SignOn,
            "stream" => Self::Stream,
            "tap" => Self::Tap,
            "user" => Self::User,
            "workstation" => Self::Workstation,
            _ => return None,
        })
    }
}

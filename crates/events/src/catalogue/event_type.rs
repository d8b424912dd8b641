//! What the catalogue says of a type of event.
use crate::mapping::Mapping;

/// One type of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventType {
    /// The short name, in kebab case: `Event::name`.
    pub name: &'static str,
    /// The URI, where CAEP or RISC define this type; else it is ours: see [`EventType::uri`].
    pub standard: Option<&'static str>,
    /// What happened, in a sentence.
    pub meaning: &'static str,
    /// What is recorded, besides index, event id, time and actor, which every entry has.
    pub fields: &'static [Field],
    /// What it says about people.
    pub personal: PersonalContent,
    /// Whether it shows that one person was at work at that time: see `refuse_attendance`.
    pub presence: bool,
    /// How long the record is kept.
    pub retention: Retention,
    /// What it is called elsewhere.
    pub export: Mapping,
}

/// One member of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// What it says.
    pub meaning: &'static str,
}

/// What a record says about people. Special categories (GDPR Art. 9) never stand in an event: no image, no template, no
/// similarity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PersonalContent {
    /// Nothing about a person other than who acted.
    None,
    /// Identifiers of persons (GDPR Art. 4(5)): names are only in the table of users.
    Pseudonymous,
    /// Names, or text that somebody wrote.
    Personal,
}

/// How long a record is kept; its leaf stays for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Days after which it is erased; without, it is kept as long as the log.
    pub days: Option<u32>,
    /// Why it may, and must, be kept so long.
    pub ground: &'static str,
    /// Whether it may be erased earlier, by an administrator and an auditor together.
    pub early_erasure: EarlyErasure,
}

/// Whether a record may be erased before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyErasure {
    /// It may, where the person has a right to it (GDPR Art. 17(1)).
    Allowed,
    /// It may not: it is kept for a legal obligation or for legal claims (GDPR Art. 17(3)(b) and (e)).
    Refused,
}

impl EventType {
    /// The type URI.
    pub fn uri(&self) -> String {
        self.standard.map_or_else(|| format!("urn:imp:event:{}", self.name), str::to_owned)
    }
}

impl PersonalContent {
    /// As the reference says it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pseudonymous => "pseudonymous",
            Self::Personal => "personal",
        }
    }
}

//! The matrix: every rule of one version.
use imp_identity::Digest;
use serde::{Deserialize, Serialize};

use crate::index::Index;
use crate::rule::{Rule, RuleId};

/// The most rules of a policy.
pub const MAX_RULES: usize = 20_000;
/// The longest document that is read, in bytes.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A version of the matrix, ready to decide.
#[derive(Clone, Debug)]
pub struct Policy {
    version: u32,
    rules: Vec<Rule>,
    index: Index,
}

/// The canonical document: members in this order, rules by their names, nothing between.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    rules: Vec<Rule>,
}

/// The same, borrowed.
#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    rules: &'a [Rule],
}

/// The rules make no policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The document is longer than [`MAX_BYTES`].
    #[error("the document is longer than {MAX_BYTES} bytes")]
    Long,
    /// The text is not the document of a policy.
    #[error("the document is not that of a connection policy")]
    Document(#[from] serde_json::Error),
    /// More than [`MAX_RULES`].
    #[error("{0} rules are more than {MAX_RULES}")]
    Many(usize),
    /// Two rules have one name.
    #[error("two rules are named `{0}`")]
    Twice(RuleId),
    /// An end of a rule cannot be written so that it could be read again.
    #[error("an end of the rule `{0}` names a unit or zone that looks like two")]
    Endpoint(RuleId),
}

impl Policy {
    /// The policy without any rule, which is in force before anybody says another: nothing is expected.
    pub fn empty() -> Self {
        Self { version: 0, rules: vec![], index: Index::default() }
    }

    /// Makes the rules ready to decide. Their order does not matter.
    pub fn new(version: u32, mut rules: Vec<Rule>) -> Result<Self, PolicyError> {
        if rules.len() > MAX_RULES {
            return Err(PolicyError::Many(rules.len()));
        }
        rules.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        if let Some(pair) = rules.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(PolicyError::Twice(pair[0].id.clone()));
        }
        if let Some(rule) = rules.iter().find(|rule| !(rule.from.is_sound() && rule.to.is_sound()))
        {
            return Err(PolicyError::Endpoint(rule.id.clone()));
        }
        let index = Index::of(&rules);
        Ok(Self { version, rules, index })
    }

    /// Reads a document.
    pub fn parse(document: &[u8]) -> Result<Self, PolicyError> {
        if document.len() > MAX_BYTES {
            return Err(PolicyError::Long);
        }
        let Document { version, rules } = serde_json::from_slice(document)?;
        Self::new(version, rules)
    }

    /// The canonical document: the same policy has the same bytes.
    pub fn document(&self) -> String {
        let written = Written { version: self.version, rules: &self.rules };
        // Texts and numbers only: it cannot fail.
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// SHA-256 of the canonical document.
    pub fn digest(&self) -> Digest {
        Digest::of(&[self.document().as_bytes()])
    }

    /// Which version it is; 0 before anybody said one.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The rules, by their names.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of that name.
    pub fn rule(&self, id: &RuleId) -> Option<&Rule> {
        let place = self.rules.binary_search_by(|rule| rule.id.cmp(id)).ok()?;
        self.rules.get(place)
    }

    pub(crate) const fn index(&self) -> &Index {
        &self.index
    }
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version && self.rules == other.rules
    }
}

impl Eq for Policy {}

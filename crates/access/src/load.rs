//! Policies are read and checked before they count.
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr as _;

use cedar_policy::{
    ActionConstraint, Entity, EntityUid, Policy, PolicyId, PolicySet, Schema, ValidationMode,
    Validator,
};
use imp_identity::Digest;
use miette::Diagnostic;

use crate::operation::{CallerKind, Operation, SubjectKind};
use crate::place::Names;
use crate::schema;

/// The annotation that tells a person what to do when the policy refuses her.
const ADVICE: &str = "advice";

/// One file of policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText {
    /// Its name, for messages.
    pub name: String,
    /// Policies in Cedar.
    pub text: String,
}

/// Something wrong with the policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line, from 1, if it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
}

/// The policies cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The operations do not make a schema.
    #[error("the operations cannot be policies' actions")]
    Schema(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The policies have faults.
    #[error("the policies have faults:{}", listed(.0))]
    Policies(Vec<Fault>),
}

/// Policies that count.
#[derive(Debug)]
pub struct Access {
    pub(crate) names: Names,
    pub(crate) actions: HashMap<String, Action>,
    advice: HashMap<PolicyId, String>,
    reads_groups: bool,
    digest: Digest,
    schema: String,
    count: usize,
}

/// An operation with the policies that can matter to it, so that a decision does not look at the others.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) entity: Entity,
    pub(crate) policies: PolicySet,
    pub(crate) callers: Vec<CallerKind>,
    pub(crate) subject: SubjectKind,
}

impl Access {
    /// Reads policies for these operations. The order of the files does not matter.
    pub fn load(operations: &[Operation], texts: &[PolicyText]) -> Result<Self, LoadError> {
        let broken = |error: Box<dyn std::error::Error + Send + Sync>| LoadError::Schema(error);
        let text = schema::text(operations);
        let schema = Schema::from_str(&text).map_err(|error| broken(error.into()))?;
        let names = Names::new().ok_or_else(|| broken("an entity type has no name".into()))?;
        let policies = read_all(&schema, texts)?;
        let entities = schema.action_entities().map_err(|error| broken(error.into()))?;
        let entities: HashMap<_, _> =
            entities.iter().map(|entity| (entity.uid(), entity.clone())).collect();
        let mut actions = HashMap::with_capacity(operations.len());
        for Operation { id, groups, callers, subject } in operations {
            let own = entities.keys().find(|name| name.id().unescaped() == id.as_str());
            let Some(entity) = own.and_then(|own| entities.get(own)).cloned() else {
                return Err(broken(format!("the operation {id} is missing").into()));
            };
            let policies = matching(&policies, &entity.uid(), groups);
            let policies = policies.map_err(|error| broken(error.into()))?;
            let (callers, subject) = (callers.clone(), *subject);
            actions.insert(id.clone(), Action { entity, policies, callers, subject });
        }
        let advice = policies.iter().filter_map(|policy| {
            Some((policy.id().clone(), policy.annotation(ADVICE)?.to_owned()))
        });
        let (advice, count) = (advice.collect(), policies.len());
        let reads_groups = policies.iter().any(|policy| policy.to_string().contains("Group::"));
        Ok(Self {
            names,
            actions,
            advice,
            reads_groups,
            digest: digest(texts),
            schema: text,
            count,
        })
    }

    /// Whether a policy asks for groups, so that callers' groups must be known.
    pub const fn reads_groups(&self) -> bool {
        self.reads_groups
    }

    /// SHA-256 of the names and texts, whatever their order.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The schema in Cedar's notation, as an editor or another checker of policies reads it.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// How many policies there are.
    pub const fn policies(&self) -> usize {
        self.count
    }

    /// What an operation is about.
    pub fn subject_of(&self, operation: &str) -> Option<SubjectKind> {
        self.actions.get(operation).map(|action| action.subject)
    }

    /// Who can ask for an operation.
    pub fn callers_of(&self, operation: &str) -> &[CallerKind] {
        self.actions.get(operation).map_or(&[], |action| action.callers.as_slice())
    }

    pub(crate) fn advice(&self, policy: &PolicyId) -> Option<&String> {
        self.advice.get(policy)
    }
}

/// Each file's policies, named by their `@id`, or by file and number.
fn read_all(schema: &Schema, texts: &[PolicyText]) -> Result<Vec<Policy>, LoadError> {
    let validator = Validator::new(schema.clone());
    let (mut policies, mut faults, mut seen) = (vec![], vec![], HashSet::new());
    for file in texts {
        match read(&validator, file) {
            Ok(read) => policies.extend(read),
            Err(found) => faults.extend(found),
        }
    }
    for policy in &policies {
        if !seen.insert(policy.id().clone()) {
            let what = format!("two policies have the id {}", policy.id());
            faults.push(Fault { file: String::new(), line: None, what });
        }
    }
    if faults.is_empty() { Ok(policies) } else { Err(LoadError::Policies(faults)) }
}

fn read(validator: &Validator, file: &PolicyText) -> Result<Vec<Policy>, Vec<Fault>> {
    let set = PolicySet::from_str(&file.text)
        .map_err(|errors| errors.iter().map(|error| fault(file, error)).collect::<Vec<_>>())?;
    if set.num_of_templates() > 0 {
        let what = "templates are not read here: write the policies out".to_owned();
        return Err(vec![Fault { file: file.name.clone(), line: None, what }]);
    }
    let result = validator.validate(&set, ValidationMode::default());
    let errors = result.validation_errors().map(|error| fault(file, error));
    // A warning is a policy that can never matter, or a name that only looks like another.
    let warnings = result.validation_warnings().map(|warning| fault(file, warning));
    let faults: Vec<_> = errors.chain(warnings).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let named = |policy: &Policy| match policy.annotation("id") {
        Some(id) => policy.new_id(PolicyId::new(id)),
        None => policy.new_id(PolicyId::new(format!("{}:{}", file.name, policy.id()))),
    };
    Ok(set.policies().map(named).collect())
}

fn fault(file: &PolicyText, error: &impl Diagnostic) -> Fault {
    let offset = error.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
    let line = offset.and_then(|offset| file.text.get(..offset));
    let line = line.map(|before| before.bytes().filter(|byte| *byte == b'\n').count() + 1);
    let label = error.labels().and_then(|mut labels| labels.next());
    let label = label.and_then(|label| label.label().map(ToOwned::to_owned));
    // Cedar numbers policies within a file; the line says more.
    let said = error.to_string();
    let said = said.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, "));
    let said = said.map_or_else(|| error.to_string(), |(_, rest)| rest.to_owned());
    let what = label.map_or_else(|| said.clone(), |label| format!("{said}: {label}"));
    let what = error.help().map_or_else(|| what.clone(), |help| format!("{what} ({help})"));
    Fault { file: file.name.clone(), line, what }
}

/// The policies whose scope can name the action.
fn matching(
    policies: &[Policy],
    action: &EntityUid,
    groups: &[String],
) -> Result<PolicySet, Box<cedar_policy::PolicySetError>> {
    let within = |named: &EntityUid| {
        let id = named.id();
        named == action || groups.iter().any(|group| group == id.unescaped())
    };
    let matters = policies.iter().filter(|policy| match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(named) => named == *action,
        ActionConstraint::In(named) => named.iter().any(within),
    });
    PolicySet::from_policies(matters.cloned()).map_err(Box::new)
}

fn digest(texts: &[PolicyText]) -> Digest {
    let mut digests: Vec<_> = texts
        .iter()
        .map(|file| {
            let name = Digest::of(&[file.name.as_bytes()]);
            Digest::of(&[name.as_bytes(), file.text.as_bytes()])
        })
        .map(|digest| *digest.as_bytes())
        .collect();
    digests.sort_unstable();
    Digest::of(&digests.iter().map(<[u8; 32]>::as_slice).collect::<Vec<_>>())
}

fn listed(faults: &[Fault]) -> String {
    let lines: Vec<_> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    lines.concat()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", _) => write!(f, "{}", self.what),
            (file, Some(line)) => write!(f, "{file}:{line}: {}", self.what),
            (file, None) => write!(f, "{file}: {}", self.what),
        }
    }
}

#[cfg(test)]
mod tests;

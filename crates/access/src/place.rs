//! Callers and subjects as Cedar's entities.
use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;

use cedar_policy::{Context, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use imp_identity::authentication::Aal;

use crate::caller::{Caller, Circumstances, Person, Subject};
use crate::operation::{CallerKind, SubjectKind};

/// The names of entity types, parsed once.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    callers: HashMap<CallerKind, EntityTypeName>,
    subjects: HashMap<SubjectKind, EntityTypeName>,
    role: EntityTypeName,
    group: EntityTypeName,
}

impl Names {
    /// Parses them. They are our own constants, so it fails only if those are wrong.
    pub(crate) fn new() -> Option<Self> {
        let named = |name: &str| EntityTypeName::from_str(name).ok();
        let callers = CallerKind::ALL.iter().map(|kind| Some((*kind, named(kind.entity_type())?)));
        let subjects =
            SubjectKind::ALL.iter().map(|kind| Some((*kind, named(kind.entity_type())?)));
        Some(Self {
            callers: callers.collect::<Option<_>>()?,
            subjects: subjects.collect::<Option<_>>()?,
            role: named("Role")?,
            group: named("Group")?,
        })
    }

    /// The caller.
    pub(crate) fn caller(&self, caller: &Caller) -> Option<Entity> {
        let named = |id: &str| uid(&self.callers[&caller.kind()], id);
        match caller {
            Caller::Anyone => Some(Entity::with_uid(named("anyone"))),
            Caller::User(person) => self.person(person, named(&person.id.to_string())),
            Caller::Workstation(id) => Some(Entity::with_uid(named(&id.to_string()))),
            Caller::Device(id) => Some(Entity::with_uid(named(&id.to_string()))),
            Caller::Phone(id) => Some(Entity::with_uid(named(&id.to_string()))),
            Caller::Receiver(id) => Some(Entity::with_uid(named(&id.to_string()))),
            Caller::Client { id, scopes } => {
                let scopes = scopes.iter().cloned().map(RestrictedExpression::new_string);
                let scopes = RestrictedExpression::new_set(scopes);
                let attributes = HashMap::from([("scopes".to_owned(), scopes)]);
                Entity::new(named(&id.to_string()), attributes, HashSet::new()).ok()
            }
        }
    }

    /// The subject.
    pub(crate) fn subject(&self, subject: &Subject) -> Option<Entity> {
        let named = |kind, id: &str| uid(&self.subjects[&kind], id);
        match subject {
            Subject::Hospital => Some(Entity::with_uid(named(SubjectKind::Hospital, "hospital"))),
            Subject::User(person) => {
                self.person(person, named(SubjectKind::User, &person.id.to_string()))
            }
            Subject::Thing { kind, id } => Some(Entity::with_uid(named(*kind, id))),
        }
    }

    fn person(
        &self,
        Person { role, unit, groups, registered, .. }: &Person,
        name: EntityUid,
    ) -> Option<Entity> {
        let unit = unit.clone().map(RestrictedExpression::new_string);
        let unit = unit.map(|unit| ("unit".to_owned(), unit));
        let registered = registered.map(RestrictedExpression::new_bool);
        let registered = registered.map(|registered| ("registered".to_owned(), registered));
        let attributes = unit.into_iter().chain(registered).collect();
        let groups = groups.iter().map(|group| uid(&self.group, group));
        let parents = groups.chain([uid(&self.role, role.code())]).collect();
        Entity::new(name, attributes, parents).ok()
    }
}

/// The circumstances as Cedar's context.
pub(crate) fn context(
    Circumstances { aal, client, requires_aal2 }: &Circumstances,
) -> Option<Context> {
    let aal = aal.map(|aal| match aal {
        Aal::Aal1 => 1,
        Aal::Aal2 => 2,
        Aal::Aal3 => 3,
    });
    let pairs = [
        aal.map(|aal| ("aal", RestrictedExpression::new_long(aal))),
        client.map(|client| ("client", RestrictedExpression::new_string(client.to_string()))),
        Some(("requires_aal2", RestrictedExpression::new_bool(*requires_aal2))),
    ];
    let pairs = pairs.into_iter().flatten().map(|(name, value)| (name.to_owned(), value));
    Context::from_pairs(pairs).ok()
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

//! Groups of users (SCIM's groups).
use crate::event::Event;
use crate::id::{GroupId, UserId};
use crate::name::Label;
use crate::profile::ExternalId;

/// A group. Who is in it is kept beside it: there may be thousands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Names this group.
    pub id: GroupId,
    /// What it is called.
    pub name: Label,
    /// What the directory that keeps it calls it.
    pub external_id: Option<ExternalId>,
}

/// What is to change of a group's members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// Who is a member from now on.
    pub added: Vec<UserId>,
    /// Who is one no longer.
    pub removed: Vec<UserId>,
}

impl Membership {
    /// What leads from the members `now` to those `wanted`, each once.
    pub fn between(now: &[UserId], wanted: &[UserId]) -> Self {
        let without = |these: &[UserId], those: &[UserId]| {
            let known: std::collections::HashSet<_> = those.iter().collect();
            let mut left: Vec<_> = these.iter().filter(|it| !known.contains(it)).copied().collect();
            left.sort_unstable();
            left.dedup();
            left
        };
        Self { added: without(wanted, now), removed: without(now, wanted) }
    }

    /// Whether nothing changes.
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl Group {
    /// A new group without members.
    pub fn create(id: GroupId, name: Label, external_id: Option<ExternalId>) -> (Self, Event) {
        let event = Event::GroupCreated { group: id, name: name.clone() };
        (Self { id, name, external_id }, event)
    }

    /// Sets what it is called, and changes its members. `None` when nothing of that is new.
    pub fn change(
        mut self,
        name: Label,
        external_id: Option<ExternalId>,
        members: &Membership,
    ) -> (Self, Option<Event>) {
        let renamed = (self.name != name).then(|| name.clone());
        let changed = renamed.is_some() || self.external_id != external_id || !members.is_empty();
        (self.name, self.external_id) = (name, external_id);
        let event = Event::GroupChanged {
            group: self.id,
            name: renamed,
            added: members.added.clone(),
            removed: members.removed.clone(),
        };
        (self, changed.then_some(event))
    }

    /// Takes the group away.
    pub fn remove(self) -> Event {
        Event::GroupRemoved { group: self.id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_group_says_who_joined_and_who_left() {
        let user = |n| UserId::from(Uuid::from_u128(n));
        let id = GroupId::from(Uuid::from_u128(9));
        let name: Label = "Ward 3".parse().unwrap();
        let (group, event) = Group::create(id, name.clone(), None);
        assert_eq!(event, Event::GroupCreated { group: id, name: name.clone() });
        let members = Membership::between(&[user(1), user(2)], &[user(3), user(2), user(3)]);
        assert_eq!(members, Membership { added: vec![user(3)], removed: vec![user(1)] });
        let (group, event) = group.change(name.clone(), None, &members);
        let expected = Event::GroupChanged {
            group: id,
            name: None,
            added: vec![user(3)],
            removed: vec![user(1)],
        };
        assert_eq!(event, Some(expected));
        let (_, event) = group.change(name, None, &Membership::default());
        assert_eq!(event, None);
    }
}

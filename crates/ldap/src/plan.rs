//! What changes here when the directory is taken over: who joins, moves and leaves.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use imp_identity::UserId;
use imp_identity::name::{Email, Label, Username};
use imp_identity::profile::{ExternalId, Profile};
use imp_identity::user::{Role, User};

use crate::person::DirectoryPerson;
use crate::settings::{Leavers, Settings};

/// A user here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Who.
    pub user: User,
    /// What a directory said of her.
    pub profile: Profile,
    /// Whether it was a directory that disabled her last.
    pub has_left: bool,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Who is created.
    pub joiners: Vec<DirectoryPerson>,
    /// Whose attributes change, or who may be authenticated again.
    pub movers: Vec<(UserId, DirectoryPerson)>,
    /// Who is disabled.
    pub leavers: Vec<(UserId, Username)>,
    /// Who cannot be taken over.
    pub conflicts: Vec<Conflict>,
}

/// Somebody cannot be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What she would sign in as.
    pub username: Username,
    /// Why not, for people.
    pub why: &'static str,
}

/// There is no plan that should be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Something is wrong with the question or the directory.
    #[error(
        "{leavers} of {of} people would leave at once, more than {percent} %: see whether the directory is whole"
    )]
    TooManyLeavers {
        /// How many would leave.
        leavers: usize,
        /// How many there are.
        of: usize,
        /// How many may.
        percent: u32,
    },
}

/// What is to be done so that those who come from the directory are here as they are `there`.
pub fn plan(
    there: Vec<DirectoryPerson>,
    here: &[Known],
    settings: &Settings,
) -> Result<Plan, PlanError> {
    let ours = |known: &&Known| known.profile.source.as_ref() == Some(&settings.name);
    let mut plan = Plan::default();
    let mut names = Names::new(here);
    let by_id: HashMap<&ExternalId, &Known> = here
        .iter()
        .filter(ours)
        .filter_map(|known| Some((known.profile.external_id.as_ref()?, known)))
        .collect();
    let mut seen = BTreeSet::new();
    let mut present = BTreeSet::new();
    for person in there {
        if !seen.insert(person.external_id.clone()) {
            plan.conflict(person.username, "the directory has this identifier twice");
            continue;
        }
        match by_id.get(&person.external_id) {
            Some(known) => {
                present.insert(known.user.id);
                plan.known(known, person, &mut names);
            }
            None => present.extend(plan.unknown(person, here, &mut names)),
        }
    }
    if settings.leavers == Leavers::Disable {
        plan.leave(here.iter().filter(ours), &present, settings.most_leavers_percent)?;
    }
    Ok(plan)
}

/// Who has which name, and will have it.
struct Names<'a>(BTreeMap<&'a str, UserId>, BTreeSet<String>);

impl<'a> Names<'a> {
    fn new(here: &'a [Known]) -> Self {
        let names = here.iter().map(|known| (known.user.username.as_str(), known.user.id));
        Self(names.collect(), BTreeSet::new())
    }

    /// Whether a name is free, or has this owner; it is taken then.
    fn take(&mut self, name: &Username, owner: Option<UserId>) -> bool {
        let has = self.0.get(name.as_str()).copied();
        (has.is_none() || has == owner) && self.1.insert(name.to_string())
    }
}

impl Plan {
    fn conflict(&mut self, username: Username, why: &'static str) {
        self.conflicts.push(Conflict { username, why });
    }

    fn known(&mut self, known: &Known, person: DirectoryPerson, names: &mut Names<'_>) {
        if !person.active {
            if known.user.is_active() {
                self.leavers.push((known.user.id, known.user.username.clone()));
            }
        } else if !known.user.is_active() && !known.has_left {
            self.conflict(person.username, "somebody here disabled her");
        } else if !names.take(&person.username, Some(known.user.id)) {
            self.conflict(person.username, "somebody else has this username");
        } else if !known.user.is_active() || differs(known, &person) {
            self.movers.push((known.user.id, person));
        }
    }

    /// Somebody who does not come from this directory yet. She may be here under her name, by hand: then she is taken over,
    /// unless that would let the directory rule over who administers or audits.
    fn unknown(
        &mut self,
        person: DirectoryPerson,
        here: &[Known],
        names: &mut Names<'_>,
    ) -> Option<UserId> {
        if !person.active {
            return None;
        }
        let same = names.0.get(person.username.as_str()).copied();
        let Some(same) = same.and_then(|id| here.iter().find(|known| known.user.id == id)) else {
            if names.take(&person.username, None) {
                self.joiners.push(person);
            } else {
                self.conflict(person.username, "the directory has this username twice");
            }
            return None;
        };
        let harmless = matches!(same.user.role, Role::Staff | Role::Officer);
        if same.profile.source.is_some() {
            self.conflict(person.username, "somebody from another directory has this username");
        } else if !harmless {
            self.conflict(person.username, "an administrator or auditor here has this username");
        } else if !same.user.is_active() && !same.has_left {
            self.conflict(person.username, "somebody here disabled her");
        } else if !names.take(&person.username, Some(same.user.id)) {
            self.conflict(person.username, "the directory has this username twice");
        } else {
            self.movers.push((same.user.id, person));
            return Some(same.user.id);
        }
        None
    }

    fn leave<'a>(
        &mut self,
        ours: impl Iterator<Item = &'a Known>,
        present: &BTreeSet<UserId>,
        percent: u32,
    ) -> Result<(), PlanError> {
        let active: Vec<_> = ours.filter(|known| known.user.is_active()).collect();
        let gone = active.iter().filter(|known| !present.contains(&known.user.id));
        self.leavers.extend(gone.map(|known| (known.user.id, known.user.username.clone())));
        let (leavers, of) = (self.leavers.len(), active.len());
        if leavers * 100 > of * usize::try_from(percent).unwrap_or(100) {
            return Err(PlanError::TooManyLeavers { leavers, of, percent });
        }
        Ok(())
    }
}

fn differs(known: &Known, person: &DirectoryPerson) -> bool {
    let Known { user, profile, .. } = known;
    let DirectoryPerson { username, display_name, given_name, family_name, .. } = person;
    let names = (&user.username, &user.display_name, &profile.given_name, &profile.family_name);
    let place: (&Option<Email>, &Option<Label>) = (&user.email, &user.unit);
    names != (username, display_name, given_name, family_name)
        || place != (&person.email, &person.unit)
        || person.role.is_some_and(|role| role != user.role)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imp_identity::user::State;
    use uuid::Uuid;

    fn settings(more: &str) -> Settings {
        toml::from_str(&format!("url = \"ldaps://x\"\nbase = \"dc=x\"\n{more}")).unwrap()
    }

    fn there(name: &str) -> DirectoryPerson {
        DirectoryPerson {
            external_id: format!("id of {name}").parse().unwrap(),
            username: name.parse().unwrap(),
            display_name: name.parse().unwrap(),
            given_name: None,
            family_name: None,
            email: None,
            unit: None,
            role: None,
            active: true,
        }
    }

    fn here(n: u128, name: &str, source: Option<&str>) -> Known {
        let id = UserId::from(Uuid::from_u128(n));
        let (username, label) = (name.parse().unwrap(), name.parse().unwrap());
        let (user, _) = User::create(id, username, label, Role::Staff, None);
        let external_id = source.map(|_| format!("id of {name}").parse().unwrap());
        let source = source.map(|it| it.parse().unwrap());
        let profile = Profile { source, external_id, ..Profile::default() };
        Known { user, profile, has_left: false }
    }

    fn names(people: &[(UserId, DirectoryPerson)]) -> Vec<&str> {
        people.iter().map(|(_, person)| person.username.as_str()).collect()
    }

    #[test]
    fn people_join_move_and_leave() {
        let known = [
            here(1, "same", Some("ldap")),
            here(2, "moved", Some("ldap")),
            here(3, "left", Some("ldap")),
            here(4, "disabled", Some("ldap")),
            here(5, "local", None),
            here(6, "by-hand", None),
        ];
        let people = vec![
            there("same"),
            DirectoryPerson { unit: Some("Ward 4".parse().unwrap()), ..there("moved") },
            DirectoryPerson { active: false, ..there("disabled") },
            DirectoryPerson { active: false, ..there("never-here") },
            there("by-hand"),
            there("new"),
        ];
        let plan = plan(people, &known, &settings("most_leavers_percent = 50")).unwrap();
        assert_eq!(plan.joiners, [there("new")]);
        assert_eq!(names(&plan.movers), ["moved", "by-hand"]);
        let left: Vec<_> = plan.leavers.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(left, ["disabled", "left"]);
        assert_eq!(plan.conflicts, []);
    }

    #[test]
    fn who_comes_back_may_be_authenticated_again() {
        let mut gone = here(1, "ada", Some("ldap"));
        gone.user.state = State::Disabled { at: jiff::Timestamp::UNIX_EPOCH };
        gone.has_left = true;
        let back = plan(vec![there("ada")], &[gone.clone()], &settings("")).unwrap();
        assert_eq!(names(&back.movers), ["ada"]);
        // Whom somebody here disabled, a directory does not let in.
        gone.has_left = false;
        let kept = plan(vec![there("ada")], &[gone], &settings("")).unwrap();
        assert_eq!((kept.movers, kept.conflicts.len()), (vec![], 1));
    }

    #[test]
    fn an_answer_without_people_disables_nobody() {
        let known = [here(1, "ada", Some("ldap")), here(2, "bob", Some("ldap"))];
        let error = plan(vec![], &known, &settings("")).unwrap_err();
        assert_eq!(error, PlanError::TooManyLeavers { leavers: 2, of: 2, percent: 10 });
        let kept = plan(vec![], &known, &settings("leavers = \"keep\"")).unwrap();
        assert_eq!(kept, Plan::default());
    }

    #[test]
    fn names_are_not_taken_from_others() {
        let mut root = here(1, "root", None);
        root.user.role = Role::Administrator;
        let known = [root, here(2, "eve", Some("scim")), here(3, "ada", Some("ldap"))];
        let renamed = DirectoryPerson {
            username: "eve".parse().unwrap(),
            external_id: "id of ada".parse().unwrap(),
            ..there("eve")
        };
        let twin = DirectoryPerson { external_id: "other".parse().unwrap(), ..there("new") };
        let people = vec![there("root"), there("eve"), renamed, there("new"), twin, there("new")];
        let plan = plan(people, &known, &settings("")).unwrap();
        assert_eq!(plan.joiners, [there("new")]);
        assert_eq!((plan.movers, plan.leavers), (vec![], vec![]));
        assert_eq!(plan.conflicts.len(), 5);
    }
}

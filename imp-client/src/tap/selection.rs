//! Whose phone is meant: the named person's, or the only one that is near. Never the one with the strongest signal, which proves nothing.
use std::collections::BTreeMap;

use imp_authenticator::roster::RosterEntry;
use imp_identity::refusal::Abandonment;
use imp_socket::Hint;
use tokio::time::Instant;

use super::{Failure, Person, person};
use crate::agent::Agent;

/// Whose phone is meant.
#[derive(Debug)]
pub(crate) enum Selection {
    /// This one.
    One(Box<RosterEntry>),
    /// The person has to say.
    Several(Vec<Person>),
    /// Nobody's.
    None(Failure),
}

impl Agent {
    /// Selects a phone; waits a moment for one to be heard.
    pub(crate) async fn select(&self, user: Option<&str>) -> Selection {
        let deadline = Instant::now() + self.config.limits.phone_wait();
        let mut asked = false;
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            let near = self.known_near();
            let candidates: Vec<_> = near
                .into_iter()
                .filter(|entry| user.is_none_or(|user| entry.username == user))
                .collect();
            if let Some(selection) = select_of(candidates) {
                return selection;
            }
            if !asked && !self.presence().unknown(Instant::now()).is_empty() {
                // Perhaps the phone was bound a moment ago.
                asked = true;
                let refresh = tokio::time::timeout_at(deadline, self.refresh_roster());
                if matches!(refresh.await, Ok(Ok(()))) {
                    continue;
                }
            }
            self.looking.hint(Hint::BringPhone);
            if tokio::time::timeout_at(deadline, news).await.is_err() {
                return Selection::None(self.nobody(user));
            }
        }
    }

    /// The roster's entries of the phones that are near.
    pub(crate) fn known_near(&self) -> Vec<RosterEntry> {
        let Some(known) = self.roster.current(self.now()) else { return vec![] };
        let near = self.presence().known(Instant::now());
        near.iter().filter_map(|(phone, _)| known.entry(*phone).cloned()).collect()
    }

    /// Why nobody's phone is meant.
    fn nobody(&self, user: Option<&str>) -> Failure {
        let unknown = self.presence().unknown(Instant::now()).len();
        if self.roster.current(self.now()).is_none() {
            let detail =
                "The list of phones is out of date, because the server could not be reached.";
            return Failure::abandoned(Abandonment::Timeout, detail.to_owned());
        }
        let others = self.known_near().len();
        if let (Some(user), true) = (user, others > 0) {
            let detail =
                format!("The phone of {user} is not near; phones of others are: {others}.");
            return Failure::abandoned(Abandonment::NoPhone, detail);
        }
        if unknown > 0 {
            let detail = format!("Phones near that are not bound to anybody here: {unknown}.");
            return Failure::abandoned(Abandonment::PhoneUntrusted, detail);
        }
        Failure::abandoned(Abandonment::NoPhone, None)
    }
}

/// Decides between the phones that come into question; `None` if there is none.
fn select_of(mut candidates: Vec<RosterEntry>) -> Option<Selection> {
    // A person's newer phone supersedes the older one: both being near is no reason to ask who she is.
    let mut people = BTreeMap::new();
    for entry in &candidates {
        people.insert(entry.user, person(entry));
    }
    if people.len() > 1 {
        let mut people: Vec<_> = people.into_values().collect();
        people.sort();
        return Some(Selection::Several(people));
    }
    candidates.sort_by_key(|entry| (entry.reference.is_some(), entry.phone));
    candidates.pop().map(|entry| Selection::One(Box::new(entry)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::entry;
    use imp_identity::{Digest, ReferenceId};
    use uuid::Uuid;

    #[test]
    fn the_only_phone_is_meant_and_several_people_have_to_say() {
        assert!(select_of(vec![]).is_none());
        let one = select_of(vec![entry(1)]).unwrap();
        assert!(matches!(one, Selection::One(e) if *e == entry(1)));
        let Some(Selection::Several(people)) = select_of(vec![entry(2), entry(1)]) else {
            panic!("two people are two people")
        };
        let names: Vec<_> = people.iter().map(|p| p.display_name.as_str()).collect();
        assert_eq!(names, ["User 1", "User 2"]);
    }

    #[test]
    fn of_one_persons_phones_the_one_with_her_face_is_meant() {
        let mut old = entry(1);
        old.reference = Some((ReferenceId::from(Uuid::from_u128(1)), Digest::of(&[])));
        let new = RosterEntry { user: old.user, ..entry(2) };
        let selected = select_of(vec![new, old.clone()]).unwrap();
        assert!(matches!(selected, Selection::One(e) if e.phone == old.phone));
    }
}

//! Saved searches: questions to the log that are asked again.
use crate::event::Event;
use crate::id::{SearchId, UserId};
use crate::name::Label;

/// A question that was kept under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedSearch {
    /// Names this search.
    pub id: SearchId,
    /// Whose it is; nobody's when an operator made it.
    pub owner: Option<UserId>,
    /// What it is called, once for each owner.
    pub name: Label,
    /// Whether others may run it.
    pub shared: bool,
    /// What is asked, in the form that the log's questions are written in.
    pub question: String,
}

impl SavedSearch {
    /// Keeps a question. What belongs to nobody is for everybody.
    pub fn save(
        id: SearchId,
        owner: Option<UserId>,
        name: Label,
        shared: bool,
        question: String,
    ) -> (Self, Event) {
        let shared = shared || owner.is_none();
        let event = Event::SearchSaved {
            search: id,
            name: name.clone(),
            shared,
            question: question.clone(),
        };
        (Self { id, owner, name, shared, question }, event)
    }

    /// Whether `user` may run it.
    pub fn is_visible_to(&self, user: UserId) -> bool {
        self.shared || self.owner == Some(user)
    }

    /// Forgets it.
    pub fn delete(self) -> Event {
        Event::SearchDeleted { search: self.id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_search_is_its_owners_unless_shared() {
        let (ada, bea) = (UserId::from(Uuid::from_u128(1)), UserId::from(Uuid::from_u128(2)));
        let save = |owner, shared| {
            let id = SearchId::from(Uuid::from_u128(3));
            SavedSearch::save(id, owner, "Nights".parse().unwrap(), shared, String::new()).0
        };
        assert!(save(Some(ada), false).is_visible_to(ada));
        assert!(!save(Some(ada), false).is_visible_to(bea));
        assert!(save(Some(ada), true).is_visible_to(bea));
        assert!(save(None, false).is_visible_to(bea), "an operator's is everybody's");
    }
}

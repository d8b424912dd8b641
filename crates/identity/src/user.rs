//! People who can be authenticated (SP 800-63-4's subscribers, SCIM's users).
use jiff::Timestamp;

use crate::event::Event;
use crate::id::UserId;
use crate::name::{Email, Label, Username};
use crate::profile::Profile;

/// A member of staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Names this user.
    pub id: UserId,
    /// What she signs in as.
    pub username: Username,
    /// How she is shown to people.
    pub display_name: Label,
    /// What she may do.
    pub role: Role,
    /// The ward or department she belongs to.
    pub unit: Option<Label>,
    /// Where notices to her go.
    pub email: Option<Email>,
    /// Whether she may be authenticated.
    pub state: State,
}

/// What a user may do beyond using applications.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Taps in.
    Staff,
    /// Also enrols others and binds their phones.
    Officer,
    /// Also manages users, workstations and policies.
    Administrator,
    /// Reads the event log.
    Auditor,
}

/// Whether a user may be authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// She may.
    Active,
    /// She may not, since `at`.
    Disabled {
        /// When.
        at: Timestamp,
    },
    /// She is gone since `at`, and will not come back: who returns is another user.
    Removed {
        /// When.
        at: Timestamp,
    },
}

/// What a user's attributes are to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// What she signs in as.
    pub username: Username,
    /// How she is shown to people.
    pub display_name: Label,
    /// What she may do.
    pub role: Role,
    /// The ward or department she belongs to.
    pub unit: Option<Label>,
    /// Where notices to her go.
    pub email: Option<Email>,
}

/// The user is in that state already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// Nothing to disable.
    #[error("the user is disabled already")]
    AlreadyDisabled,
    /// Nothing to enable.
    #[error("the user is active already")]
    AlreadyActive,
    /// Nothing changes any more.
    #[error("the user is gone from the directory")]
    Removed,
}

impl User {
    /// A new active user.
    pub fn create(
        id: UserId,
        username: Username,
        display_name: Label,
        role: Role,
        unit: Option<Label>,
    ) -> (Self, Event) {
        let event = Event::UserCreated {
            user: id,
            username: username.clone(),
            display_name: display_name.clone(),
            role,
        };
        let user =
            Self { id, username, display_name, role, unit, email: None, state: State::Active };
        (user, event)
    }

    /// Sets where notices to her go, or that they go nowhere.
    pub fn contact(mut self, email: Option<Email>) -> (Self, Event) {
        self.email = email;
        let event = Event::UserContactChanged { user: self.id };
        (self, event)
    }

    /// Sets her attributes, and those of her profile. No event, no change.
    pub fn change(
        mut self,
        profile: Profile,
        to: Attributes,
        new_profile: Profile,
    ) -> Result<(Self, Profile, Option<Event>), UserError> {
        if matches!(self.state, State::Removed { .. }) {
            return Err(UserError::Removed);
        }
        let mut attributes = profile.differences(&new_profile);
        for (name, changed) in [
            ("username", self.username != to.username),
            ("display_name", self.display_name != to.display_name),
            ("role", self.role != to.role),
            ("unit", self.unit != to.unit),
            ("email", self.email != to.email),
        ] {
            if changed {
                attributes.push(name.to_owned());
            }
        }
        if attributes.is_empty() {
            return Ok((self, profile, None));
        }
        attributes.sort_unstable();
        let role = (self.role != to.role).then_some(to.role);
        let event = Event::UserChanged { user: self.id, attributes, role };
        let Attributes { username, display_name, role, unit, email } = to;
        (self.username, self.display_name, self.role) = (username, display_name, role);
        (self.unit, self.email) = (unit, email);
        Ok((self, new_profile, Some(event)))
    }

    /// Her attributes.
    pub fn attributes(&self) -> Attributes {
        let Self { username, display_name, role, unit, email, .. } = self.clone();
        Attributes { username, display_name, role, unit, email }
    }

    /// Whether she may be authenticated.
    pub fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// Stops her from being authenticated (RISC `account-disabled`).
    pub fn disable(mut self, now: Timestamp) -> Result<(Self, Event), UserError> {
        match self.state {
            State::Active => {
                self.state = State::Disabled { at: now };
                let event = Event::UserDisabled { user: self.id };
                Ok((self, event))
            }
            State::Disabled { .. } => Err(UserError::AlreadyDisabled),
            State::Removed { .. } => Err(UserError::Removed),
        }
    }

    /// Lets her be authenticated again (RISC `account-enabled`).
    pub fn enable(mut self) -> Result<(Self, Event), UserError> {
        match self.state {
            State::Disabled { .. } => {
                self.state = State::Active;
                let event = Event::UserEnabled { user: self.id };
                Ok((self, event))
            }
            State::Active => Err(UserError::AlreadyActive),
            State::Removed { .. } => Err(UserError::Removed),
        }
    }

    /// Takes her out of the directory for good.
    pub fn remove(mut self, now: Timestamp) -> Result<(Self, Event), UserError> {
        match self.state {
            State::Active | State::Disabled { .. } => {
                self.state = State::Removed { at: now };
                let event = Event::UserRemoved { user: self.id };
                Ok((self, event))
            }
            State::Removed { .. } => Err(UserError::Removed),
        }
    }
}

crate::name::codes! { Role:
    Staff = "staff",
    Officer = "officer",
    Administrator = "administrator",
    Auditor = "auditor",
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_disabled_user_is_disabled_once() {
        let id = UserId::from(Uuid::from_u128(1));
        let (user, _) =
            User::create(id, "ada".parse().unwrap(), "Ada".parse().unwrap(), Role::Staff, None);
        let (user, event) = user.disable(Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(event, Event::UserDisabled { user: id });
        assert!(!user.is_active());
        assert_eq!(user.clone().disable(Timestamp::UNIX_EPOCH), Err(UserError::AlreadyDisabled));
        let (user, _) = user.enable().unwrap();
        assert!(user.is_active());
        assert_eq!(user.enable(), Err(UserError::AlreadyActive));
    }

    #[test]
    fn a_change_names_what_changed_and_not_how() {
        let id = UserId::from(Uuid::from_u128(1));
        let (user, _) =
            User::create(id, "ada".parse().unwrap(), "Ada".parse().unwrap(), Role::Staff, None);
        let (same, profile) = (user.attributes(), Profile::default());
        let (user, profile, event) = user.change(profile.clone(), same, profile).unwrap();
        assert_eq!(event, None);
        let to = Attributes {
            username: "ada.king".parse().unwrap(),
            role: Role::Officer,
            ..user.attributes()
        };
        let named = Profile { family_name: Some("King".parse().unwrap()), ..Profile::default() };
        let (user, _, event) = user.change(profile.clone(), to.clone(), named).unwrap();
        assert_eq!(user.attributes(), to);
        let attributes = ["family_name", "role", "username"].map(str::to_owned).to_vec();
        let expected = Event::UserChanged { user: id, attributes, role: Some(Role::Officer) };
        assert_eq!(event, Some(expected));
        let (gone, _) = user.remove(Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(gone.clone().enable(), Err(UserError::Removed));
        assert_eq!(gone.clone().remove(Timestamp::UNIX_EPOCH), Err(UserError::Removed));
        assert!(gone.change(profile.clone(), to, profile).is_err());
    }
}

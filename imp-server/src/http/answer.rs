//! Entities as the contract shows them.
use imp_api::admin;
use imp_identity::UserId;
use imp_identity::name::Label;
use imp_identity::session::{self, Session};
use imp_identity::user::User;
use imp_identity::{phone, workstation};

use crate::command::scim::GroupMembers;
use crate::store::StoredGroup;

/// A session with its user.
pub(crate) fn session(session: &Session, user: &User) -> imp_api::tap::Session {
    let state = match session.state {
        session::State::Active => "active",
        session::State::Suspended { .. } => "suspended",
        session::State::Ended { .. } => "ended",
    };
    imp_api::tap::Session {
        id: session.id,
        user: user.id,
        username: user.username.to_string(),
        display_name: user.display_name.to_string(),
        expires_at: session.expires_at,
        state: state.to_owned(),
    }
}

/// A user.
pub(crate) fn user(user: &User) -> admin::User {
    admin::User {
        id: user.id,
        username: user.username.to_string(),
        display_name: user.display_name.to_string(),
        role: user.role,
        unit: user.unit.as_ref().map(ToString::to_string),
        email: user.email.clone(),
        active: user.is_active(),
    }
}

/// A workstation.
pub(crate) fn workstation(workstation: &workstation::Workstation) -> admin::Workstation {
    let state = match workstation.state {
        workstation::State::Invited(_) => "invited",
        workstation::State::Enrolled { .. } => "enrolled",
        workstation::State::Revoked { .. } => "revoked",
    };
    admin::Workstation {
        id: workstation.id,
        name: workstation.name.to_string(),
        unit: workstation.unit.as_ref().map(ToString::to_string),
        site: workstation.site.as_ref().map(ToString::to_string),
        state: state.to_owned(),
    }
}

/// A group and the number of its members.
pub(crate) fn group(stored: &StoredGroup, members: i64) -> admin::Group {
    let group = &stored.group;
    admin::Group { id: group.id, name: group.name.to_string(), members }
}

/// A group and who is in it.
pub(crate) fn group_members(found: &GroupMembers) -> admin::GroupWithMembers {
    let member =
        |(id, name): &(UserId, Label)| admin::Member { user: *id, display_name: name.to_string() };
    admin::GroupWithMembers {
        id: found.group.group.id,
        name: found.group.group.name.to_string(),
        members: found.members.iter().map(member).collect(),
    }
}

/// A passkey or security key.
pub(crate) fn credential(credential: &imp_identity::credential::Credential) -> admin::Credential {
    admin::Credential {
        id: credential.id,
        name: credential.name.to_string(),
        kind: credential.kind.code().to_owned(),
        aaguid: credential.aaguid,
        attested: credential.attested,
        registered_at: credential.registered_at,
        used_at: credential.used_at,
    }
}

/// A phone.
pub(crate) fn phone(phone: &phone::Phone) -> admin::Phone {
    let state = match phone.state {
        phone::State::Invited(_) => "invited",
        phone::State::Bound(_) => "bound",
        phone::State::Revoked { .. } => "revoked",
    };
    admin::Phone { id: phone.id, state: state.to_owned() }
}

//! Entities as the contract shows them.
use imp_api::admin;
use imp_identity::session::{self, Session};
use imp_identity::user::User;
use imp_identity::{phone, workstation};

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

/// A phone.
pub(crate) fn phone(phone: &phone::Phone) -> admin::Phone {
    let state = match phone.state {
        phone::State::Invited(_) => "invited",
        phone::State::Bound(_) => "bound",
        phone::State::Revoked { .. } => "revoked",
    };
    admin::Phone { id: phone.id, state: state.to_owned() }
}

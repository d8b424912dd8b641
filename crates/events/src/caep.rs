//! What CAEP 1.0 adds to an event: who brought it about, and why, for whoever administers the receiver (§2).
use imp_identity::session::End;
use imp_identity::sign_on::SignOnEnd;
use imp_identity::{Actor, Event};

/// `initiating_entity`: who made it happen. Where a rule did, not whoever the rule is about.
pub(crate) const fn initiating(event: &Event, actor: &Actor) -> &'static str {
    if let Event::SignOnEnded { reason, .. } | Event::ApplicationSessionRevoked { reason, .. } =
        event
    {
        return match reason {
            // Walking away is no wish to be signed out: that the desktop locks, and what follows, is the policy's.
            SignOnEnd::SessionSuspended | SignOnEnd::Expired => "policy",
            SignOnEnd::Administrator | SignOnEnd::UserDisabled => "admin",
            SignOnEnd::SignedOut => "user",
            SignOnEnd::SessionEnded | SignOnEnd::Superseded | SignOnEnd::CredentialRemoved => {
                of_actor(actor)
            }
        };
    }
    if let Event::SessionRevoked { reason, .. } = event {
        return match reason {
            End::Expired => "policy",
            End::Administrator | End::UserDisabled => "admin",
            End::TapOut => "user",
            End::Superseded => of_actor(actor),
        };
    }
    of_actor(actor)
}

const fn of_actor(actor: &Actor) -> &'static str {
    match actor {
        Actor::Operator(_) => "admin",
        Actor::User(_)
        | Actor::Workstation(_)
        | Actor::Phone(_)
        | Actor::Client(_)
        | Actor::Device(_) => "user",
        Actor::Server => "system",
    }
}

/// `reason_admin`, in English; nothing where the type says it all.
pub(crate) const fn reason(event: &Event) -> Option<&'static str> {
    if let Event::SignOnEnded { reason, .. } | Event::ApplicationSessionRevoked { reason, .. } =
        event
    {
        return Some(match reason {
            SignOnEnd::SignedOut => "The user signed out.",
            SignOnEnd::SessionEnded => "The session of the user's desktop ended.",
            SignOnEnd::SessionSuspended => "The user left her desktop, and it was locked.",
            SignOnEnd::Superseded => "Somebody else signed on in the same browser.",
            SignOnEnd::Expired => "A limit of time was reached.",
            SignOnEnd::Administrator => "An administrator ended it.",
            SignOnEnd::UserDisabled => "The user was disabled.",
            SignOnEnd::CredentialRemoved => "The credential that opened it was removed.",
        });
    }
    if let Event::SessionRevoked { reason, .. } = event {
        return Some(match reason {
            End::TapOut => "The user tapped out.",
            End::Superseded => "The user opened a session elsewhere.",
            End::Administrator => "An administrator ended it.",
            End::UserDisabled => "The user was disabled.",
            End::Expired => "A limit of time was reached.",
        });
    }
    None
}

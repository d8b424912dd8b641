//! Entries in emergencies.
use imp_api::break_glass as api;
use imp_identity::emergency::Emergency;
use jiff::Timestamp;

pub(crate) mod enter;
pub(crate) mod list;
pub(crate) mod review;

/// An entry as the contract shows it.
pub(crate) fn shown(emergency: &Emergency, now: Timestamp) -> api::Emergency {
    api::Emergency {
        session: emergency.session,
        user: emergency.user,
        workstation: emergency.workstation,
        reason: emergency.reason.to_string(),
        second: emergency.second,
        at: emergency.at,
        review_by: emergency.review_by,
        overdue: emergency.is_overdue(now),
        review: emergency.review.as_ref().map(|review| api::Review {
            reviewer: review.reviewer,
            at: review.at,
            justified: review.justified,
            remark: review.remark.to_string(),
        }),
    }
}

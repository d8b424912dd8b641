//! How long records are kept, and why.
use super::event_type::{EarlyErasure, Retention};

/// What people did with their authenticators. A year covers a yearly review; the French authority names six months to a
/// year for access logs, and up to three where misuse by insiders is the risk (CNIL, deliberation 2021-122).
pub(super) const USE: Retention = Retention {
    days: Some(3 * 365),
    ground: "tracing access to health data by insiders (GDPR Art. 32; CNIL deliberation 2021-122: up to three years)",
    early_erasure: EarlyErasure::Allowed,
};

/// What administrators and officers decided. US law asks for six years; nobody in Europe asks for more.
pub(super) const DECISION: Retention = Retention {
    days: Some(6 * 365),
    ground: "documentation of security decisions (45 CFR 164.316(b)(2)(i): six years; GDPR Art. 5(2))",
    early_erasure: EarlyErasure::Refused,
};

/// Consent and enrolment: provable as long as a claim can be made.
pub(super) const CONSENT: Retention = Retention {
    days: Some(6 * 365),
    ground: "proof of consent and of its withdrawal (GDPR Art. 7(1), Art. 17(3)(e))",
    early_erasure: EarlyErasure::Refused,
};

/// Who read, erased and disputed: the evidence that the log itself is used properly.
pub(super) const OVERSIGHT: Retention = Retention {
    days: Some(6 * 365),
    ground: "accountability for the use of the log (GDPR Art. 5(2), Art. 17(3)(e))",
    early_erasure: EarlyErasure::Refused,
};

/// What machines did among themselves.
pub(super) const OPERATION: Retention = Retention {
    days: Some(365),
    ground: "running the service securely (NIS2 Art. 21(2); GDPR Art. 6(1)(f))",
    early_erasure: EarlyErasure::Allowed,
};

/// Which records were erased, and why: without it nobody could tell an erasure from a deletion.
pub(super) const ERASURE: Retention = Retention {
    days: None,
    ground: "explains why a record is missing (GDPR Art. 5(2), Art. 17(3)(e))",
    early_erasure: EarlyErasure::Refused,
};

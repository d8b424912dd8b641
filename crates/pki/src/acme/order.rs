//! Orders (RFC 8555 §7.1.3, §7.1.6, §7.4): that an account wants a certificate for some identifiers.
use imp_identity::{AcmeAccountId, AcmeOrderId, DeviceId};
use jiff::Timestamp;
use serde_json::Value;

use super::identifier::InvalidIdentifier;
use super::{Authorization, CertificateId, Identifier, Problem, ProblemType, Refused};

/// The most identifiers in one order.
pub const MOST: usize = 20;

/// What a client orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// For what, without repetitions and sorted.
    pub identifiers: Vec<Identifier>,
    /// The certificate that the new one replaces (RFC 9773 §5).
    pub replaces: Option<CertificateId>,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Names it.
    pub id: AcmeOrderId,
    /// Whose it is.
    pub account: AcmeAccountId,
    /// For which device of the inventory.
    pub device: DeviceId,
    /// For what.
    pub identifiers: Vec<Identifier>,
    /// The certificate that the new one replaces.
    pub replaces: Option<CertificateId>,
    /// First instant at which it no longer counts, unless it is finished.
    pub expires_at: Timestamp,
    /// How far it has come.
    pub state: OrderState,
}

/// How far an order has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// Some identifier is not proven yet.
    Pending,
    /// The certificate request may come.
    Ready,
    /// The certificate request has come; somebody must approve it.
    Processing {
        /// The certificate request in DER.
        request: Vec<u8>,
    },
    /// The certificate is issued.
    Valid {
        /// Its serial number in hexadecimal.
        serial: String,
    },
    /// There will be no certificate.
    Invalid {
        /// Why not.
        problem: Problem,
    },
}

/// The order is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Not an order.
    #[error("the order is not a JSON object with identifiers")]
    Malformed,
    /// An identifier is wrong.
    #[error("an identifier cannot be ordered")]
    Identifier(#[from] InvalidIdentifier),
    /// There are none, or too many.
    #[error("an order has between 1 and {MOST} identifiers")]
    Count,
    /// The client wants to say from when until when it counts.
    #[error(
        "the server alone says from when until when a certificate counts: leave notBefore and notAfter out"
    )]
    Validity,
    /// `replaces` is no certificate identifier.
    #[error("`replaces` is not the identifier of a certificate")]
    Replaces,
    /// It cannot be finalised.
    #[error("the order is `{0}`: it is finalised when it is `ready`")]
    NotReady(&'static str),
}

impl Refused for OrderError {
    fn kind(&self) -> ProblemType {
        match self {
            Self::Identifier(error) => error.kind(),
            Self::NotReady(_) => ProblemType::OrderNotReady,
            Self::Count => ProblemType::RejectedIdentifier,
            Self::Malformed | Self::Validity | Self::Replaces => ProblemType::Malformed,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Malformed | Self::Validity | Self::Replaces => "order-malformed",
            Self::Identifier(error) => error.word(),
            Self::Count => "order-size",
            Self::NotReady(_) => "order-not-ready",
        }
    }
}

impl NewOrder {
    /// Reads the payload of a request for an order.
    pub fn parse(payload: &[u8]) -> Result<Self, OrderError> {
        let payload: Value = serde_json::from_slice(payload).map_err(|_| OrderError::Malformed)?;
        let wanted = payload["identifiers"].as_array().ok_or(OrderError::Malformed)?;
        if !(1..=MOST).contains(&wanted.len()) {
            return Err(OrderError::Count);
        }
        if payload.get("notBefore").is_some() || payload.get("notAfter").is_some() {
            return Err(OrderError::Validity);
        }
        let identifiers = wanted.iter().map(Identifier::from_json);
        let mut identifiers = identifiers.collect::<Result<Vec<_>, _>>()?;
        identifiers.sort();
        identifiers.dedup();
        let replaces = payload.get("replaces").map(|text| {
            text.as_str().and_then(|text| text.parse().ok()).ok_or(OrderError::Replaces)
        });
        Ok(Self { identifiers, replaces: replaces.transpose()? })
    }
}

impl Order {
    /// Its status at an instant (§7.1.6).
    pub fn status(&self, now: Timestamp) -> &'static str {
        match &self.state {
            OrderState::Valid { .. } => "valid",
            OrderState::Invalid { .. } => "invalid",
            _ if self.expires_at <= now => "invalid",
            OrderState::Pending => "pending",
            OrderState::Ready => "ready",
            OrderState::Processing { .. } => "processing",
        }
    }

    /// What follows from its authorizations, when one of them has changed.
    #[must_use]
    pub fn settle(mut self, authorizations: &[Authorization], now: Timestamp) -> Self {
        if !matches!(self.state, OrderState::Pending | OrderState::Ready) {
            return self;
        }
        let lost = authorizations.iter().find(|authorization| {
            matches!(authorization.status(now), "invalid" | "deactivated" | "expired")
        });
        if let Some(lost) = lost {
            let text = format!("{} was not proven", lost.identifier);
            let problem = Problem::new(ProblemType::Unauthorized, text);
            let problem = problem.about(lost.identifier.clone());
            self.state = OrderState::Invalid { problem };
        } else if authorizations.len() == self.identifiers.len()
            && authorizations.iter().all(|authorization| authorization.is_valid(now))
        {
            self.state = OrderState::Ready;
        }
        self
    }

    /// Whether a certificate request may come now.
    pub fn check_ready(&self, now: Timestamp) -> Result<(), OrderError> {
        match self.status(now) {
            "ready" => Ok(()),
            other => Err(OrderError::NotReady(other)),
        }
    }

    /// The certificate request has come, and somebody must approve it.
    pub fn wait(mut self, request: Vec<u8>, now: Timestamp) -> Result<Self, OrderError> {
        self.check_ready(now)?;
        self.state = OrderState::Processing { request };
        Ok(self)
    }

    /// The certificate is issued.
    pub fn issued(mut self, serial: String, now: Timestamp) -> Result<Self, OrderError> {
        match self.status(now) {
            "ready" | "processing" => {
                self.state = OrderState::Valid { serial };
                Ok(self)
            }
            other => Err(OrderError::NotReady(other)),
        }
    }

    /// There will be no certificate.
    pub fn refuse(mut self, problem: Problem, now: Timestamp) -> Result<Self, OrderError> {
        match self.status(now) {
            "ready" | "processing" => {
                self.state = OrderState::Invalid { problem };
                Ok(self)
            }
            other => Err(OrderError::NotReady(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::super::testing::{NOW, authorization, order};
    use super::*;
    use crate::acme::ChallengeKind;

    #[test]
    fn an_order_is_read_without_repetitions() {
        let read = |text: &str| NewOrder::parse(text.as_bytes());
        let both = read(
            r#"{"identifiers":[{"type":"dns","value":"b.example"},{"type":"dns","value":"A.example"},
               {"type":"dns","value":"a.example"}]}"#,
        );
        let names: Vec<_> = both.unwrap().identifiers.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["a.example", "b.example"]);
        let identifier = r#"{"type":"dns","value":"a.example"}"#;
        for (text, why) in [
            ("", OrderError::Malformed),
            ("{}", OrderError::Malformed),
            (r#"{"identifiers":[]}"#, OrderError::Count),
            (
                &format!(r#"{{"identifiers":[{identifier}],"notAfter":"2027-01-01T00:00:00Z"}}"#),
                OrderError::Validity,
            ),
            (&format!(r#"{{"identifiers":[{identifier}],"replaces":"x"}}"#), OrderError::Replaces),
        ] {
            assert_eq!(read(text), Err(why), "{text}");
        }
        let many = vec![identifier; MOST + 1].join(",");
        assert_eq!(read(&format!(r#"{{"identifiers":[{many}]}}"#)), Err(OrderError::Count));
        let wrong = read(r#"{"identifiers":[{"type":"dns","value":"a b"}]}"#).unwrap_err();
        assert_eq!(wrong.kind(), ProblemType::Malformed);
    }

    #[test]
    fn an_order_is_ready_when_everything_is_proven() {
        let pending = order(&["a.example", "b.example"]);
        let valid = |name| {
            let begun = authorization("dns", name).begin(ChallengeKind::Http01, NOW).unwrap();
            begun.succeed(NOW, None).unwrap()
        };
        let (a, b) = (valid("a.example"), valid("b.example"));
        assert_eq!(pending.check_ready(NOW), Err(OrderError::NotReady("pending")));
        let half = pending.clone().settle(&[a.clone(), authorization("dns", "b.example")], NOW);
        assert_eq!(half.status(NOW), "pending");
        // One proof twice is not two.
        assert_eq!(pending.clone().settle(std::slice::from_ref(&a), NOW).status(NOW), "pending");
        let ready = pending.settle(&[a, b], NOW);
        assert_eq!(ready.check_ready(NOW), Ok(()));
        assert_eq!(ready.status(NOW + 2.hours()), "invalid");
        let waiting = ready.clone().wait(vec![1], NOW).unwrap();
        assert_eq!(waiting.status(NOW), "processing");
        assert_eq!(waiting.clone().wait(vec![1], NOW), Err(OrderError::NotReady("processing")));
        let issued = waiting.issued("01".to_owned(), NOW).unwrap();
        assert_eq!(issued.status(NOW + 2.hours()), "valid");
        assert_eq!(issued.clone().issued("02".to_owned(), NOW), Err(OrderError::NotReady("valid")));
        assert_eq!(issued.check_ready(NOW), Err(OrderError::NotReady("valid")));
        let problem = Problem::new(ProblemType::BadCsr, "no");
        let refused = ready.refuse(problem.clone(), NOW).unwrap();
        assert_eq!(refused.status(NOW), "invalid");
        assert_eq!(refused.refuse(problem, NOW), Err(OrderError::NotReady("invalid")));
    }

    #[test]
    fn one_failed_proof_ends_the_order() {
        let lost = authorization("dns", "a.example").begin(ChallengeKind::Http01, NOW).unwrap();
        let problem = Problem::new(ProblemType::Connection, "no answer");
        let lost = lost.fail(problem, 1).unwrap();
        let ended = order(&["a.example"]).settle(&[lost], NOW);
        assert_eq!(ended.status(NOW), "invalid");
        let OrderState::Invalid { problem } = ended.state else { panic!() };
        assert_eq!(problem.kind, ProblemType::Unauthorized);
    }
}

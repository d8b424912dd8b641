//! The envelope: an entry as a Security Event Token (RFC 8417), shaped for the Shared Signals Framework 1.0, CAEP 1.0 and
//! RISC 1.0.
use imp_identity::spiffe::{Machine, SpiffeId, TrustDomain};
use imp_identity::{DeviceId, Event, PhoneId, UserId};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::caep;
use crate::catalogue::event_type;
use crate::entry::Entry;

/// The `typ` of a SET (RFC 8417 §2.3).
pub const TYPE: &str = "secevent+jwt";
/// The media type of a SET (RFC 8417 §7.2).
pub const MEDIA_TYPE: &str = "application/secevent+jwt";
/// The largest SET that is read, in bytes.
const LARGEST: usize = 64 * 1024;

/// Who issues SETs.
#[derive(Clone, Copy, Debug)]
pub struct Issuer<'a> {
    /// `iss`: the server's URL.
    pub url: &'a str,
    /// `iss` of ID tokens: what applications call the server that signs people on to them.
    pub openid: &'a str,
    /// The name of the installation in SPIFFE IDs.
    pub trust_domain: &'a TrustDomain,
    /// The origin of its log.
    pub origin: &'a str,
}

/// The claims of a SET (RFC 8417 §2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// Who issued it.
    pub iss: String,
    /// Names it: the event's identifier, so that a receiver that is told twice can tell.
    pub jti: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// For whom.
    pub aud: String,
    /// When it happened, in seconds since 1970 (RFC 8417 §2.2).
    pub toe: i64,
    /// Which events belong together: the tap, enrolment, session or case.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub txn: Option<String>,
    /// Whom or what it concerns (RFC 9493).
    pub sub_id: Value,
    /// Exactly one member: the type's URI, with what the event says.
    pub events: Map<String, Value>,
    /// Where it stands in the log.
    #[serde(rename = "urn:imp:log")]
    pub log: Place,
}

/// Where an event stands in a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The log's origin, as in its checkpoints.
    pub origin: String,
    /// The leaf's index.
    pub index: u64,
}

/// A SET cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// The event cannot be written in JSON.
    #[error("the event cannot be written in JSON")]
    Json(#[from] serde_json::Error),
    /// The key cannot sign.
    #[error("the SET cannot be signed")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// A SET is refused.
#[derive(Debug, thiserror::Error)]
pub enum SetRefused {
    /// Larger than any of ours.
    #[error("larger than 64 KiB")]
    TooLarge,
    /// Signature, issuer, audience or form is wrong.
    #[error("not a SET from that issuer for that audience")]
    Token(#[from] jsonwebtoken::errors::Error),
    /// Another kind of JWT.
    #[error("`typ` is not `secevent+jwt`")]
    Type,
    /// Not one event.
    #[error("`events` must have exactly one member")]
    Events,
}

impl Set {
    /// What an entry says to one audience.
    pub fn of(
        entry: &Entry,
        issuer: &Issuer<'_>,
        audience: &str,
        now: Timestamp,
    ) -> Result<Self, SetError> {
        let record = &entry.record;
        let kind = event_type(&record.event);
        let mut payload = members(&record.event)?;
        if kind.standard.is_some() {
            // CAEP 1.0 §2: optional members that every event may have.
            payload.insert("event_timestamp".to_owned(), json!(record.at.as_second()));
            let initiating = caep::initiating(&record.event, &record.actor);
            payload.insert("initiating_entity".to_owned(), json!(initiating));
            if let Some(reason) = caep::reason(&record.event) {
                payload.insert("reason_admin".to_owned(), json!({ "en": reason }));
            }
        } else {
            payload.insert("actor".to_owned(), serde_json::to_value(&record.actor)?);
        }
        Ok(Self {
            iss: issuer.url.to_owned(),
            jti: record.id.to_string(),
            iat: now.as_second(),
            aud: audience.to_owned(),
            toe: record.at.as_second(),
            txn: transaction(&payload),
            sub_id: subject(&record.event, issuer),
            events: Map::from_iter([(kind.uri(), Value::Object(payload))]),
            log: Place { origin: issuer.origin.to_owned(), index: entry.index },
        })
    }

    /// Signs it with a P-256 key (ES256). `key_id` is the `kid` under which receivers find the public key.
    pub fn sign(&self, key: &EncodingKey, key_id: &str) -> Result<String, SetError> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(key_id.to_owned());
        Ok(jsonwebtoken::encode(&header, self, key)?)
    }

    /// Reads a SET as a receiver must (RFC 8417 §4): signature, `typ`, issuer and audience. A SET does not expire.
    pub fn verify(
        token: &str,
        key: &DecodingKey,
        issuer: &str,
        audience: &str,
    ) -> Result<Self, SetRefused> {
        if token.len() > LARGEST {
            return Err(SetRefused::TooLarge);
        }
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["iss", "aud"]);
        validation.validate_exp = false;
        let decoded = jsonwebtoken::decode::<Self>(token, key, &validation)?;
        if !decoded.header.typ.is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE)) {
            return Err(SetRefused::Type);
        }
        if decoded.claims.events.len() == 1 { Ok(decoded.claims) } else { Err(SetRefused::Events) }
    }

    /// The type's URI.
    pub fn type_uri(&self) -> Option<&str> {
        self.events.keys().next().map(String::as_str)
    }
}

/// What the event says, without its type, which is the key.
fn members(event: &Event) -> Result<Map<String, Value>, serde_json::Error> {
    let mut value = serde_json::to_value(event)?;
    let members = value.as_object_mut().map(std::mem::take).unwrap_or_default();
    // An application learns what it calls her and her session, and by no other name.
    let ours = ["user", "sign_on", "client"];
    let hidden = |name: &str| event.said_to().is_some() && ours.contains(&name);
    Ok(members.into_iter().filter(|(name, _)| name != "type" && !hidden(name)).collect())
}

/// What ties events together, if something does.
fn transaction(payload: &Map<String, Value>) -> Option<String> {
    let first = ["tap", "enrolment", "session", "case"].iter().find_map(|name| payload.get(*name));
    first.and_then(Value::as_str).map(str::to_owned)
}

/// A subject identifier (RFC 9493 §3; complex subjects: SSF 1.0 §3.3).
fn subject(event: &Event, issuer: &Issuer<'_>) -> Value {
    if let Event::ApplicationSessionRevoked { session, subject, .. } = event {
        return json!({
            "format": "complex",
            "user": { "format": "iss_sub", "iss": issuer.openid, "sub": subject },
            "session": { "format": "opaque", "id": session },
        });
    }
    let is_phone = event.phone().is_some() || matches!(event, Event::FindingMade { .. });
    let machine = event.device().map(|device| {
        if is_phone {
            Machine::Phone(PhoneId::from(device))
        } else {
            Machine::Device(DeviceId::from(device))
        }
    });
    match (session(event), event.user(), event.workstation(), machine) {
        (Some(session), Some(user), Some(workstation), _) => json!({
            "format": "complex",
            "user": user_id(user, issuer),
            "session": { "format": "opaque", "id": session },
            "device": machine_id(Machine::Workstation(workstation), issuer),
        }),
        (Some(session), Some(user), None, _) => json!({
            "format": "complex",
            "user": user_id(user, issuer),
            "session": { "format": "opaque", "id": session },
        }),
        (_, Some(user), _, _) => user_id(user, issuer),
        (_, None, Some(workstation), _) => machine_id(Machine::Workstation(workstation), issuer),
        (_, None, None, Some(machine)) => machine_id(machine, issuer),
        (_, None, None, None) => json!({ "format": "uri", "uri": issuer.url }),
    }
}

fn session(event: &Event) -> Option<String> {
    if let Event::SessionEstablished { session, .. }
    | Event::SessionSuspended { session, .. }
    | Event::SessionResumed { session, .. }
    | Event::SessionReauthenticated { session, .. }
    | Event::SessionRevoked { session, .. } = event
    {
        return Some(session.to_string());
    }
    if let Event::SignOnEnded { sign_on, .. } = event {
        return Some(sign_on.to_string());
    }
    None
}

fn user_id(user: UserId, issuer: &Issuer<'_>) -> Value {
    json!({ "format": "iss_sub", "iss": issuer.url, "sub": user })
}

fn machine_id(machine: Machine, issuer: &Issuer<'_>) -> Value {
    let name = SpiffeId { trust_domain: issuer.trust_domain.clone(), machine };
    json!({ "format": "uri", "uri": name })
}

#[cfg(test)]
mod tests;

//! What a workstation decides while the server cannot be reached: the same verdict as the server's ([`Claims::verify`]), by what the roster says.
use imp_identity::attempts::Attempts;
use imp_identity::challenge::Challenge;
use imp_identity::name::Label;
use imp_identity::phone::{self, Binding, Phone};
use imp_identity::policy::Policy;
use imp_identity::reference::{self, Reference};
use imp_identity::user::{self, Role, User};
use imp_identity::workstation::{self, Workstation};
use imp_identity::{PhoneId, Refusal, UserId, WorkstationId};
use jiff::Timestamp;
use minicbor::{Decode, Encode};

use crate::credential::ReferenceCredential;
use crate::decision::{Claims, Knowledge, VerifiedTap};
use crate::roster::{Roster, RosterEntry};

/// The longest policy that fits into a roster, in bytes.
pub const LONGEST_POLICY: usize = 8 * 1024;

/// What a roster says beside who may tap, so that workstations decide without the server. Without it they do not.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct OfflineTerms {
    /// First instant at which nothing is decided without the server.
    #[cbor(n(0), with = "crate::wire::time")]
    pub until: Timestamp,
    /// The policy in force: its JSON, at most [`LONGEST_POLICY`] bytes.
    #[cbor(n(1), with = "crate::wire::blob")]
    pub policy: Vec<u8>,
    /// The workstations that count.
    #[n(2)]
    pub workplaces: Vec<Workplace>,
    /// One for each bound phone.
    #[n(3)]
    pub people: Vec<OfflinePerson>,
}

/// A workstation that counts, and where it stands.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Workplace {
    /// The workstation.
    #[cbor(n(0), with = "crate::wire::id")]
    pub workstation: WorkstationId,
    /// The ward or department.
    #[cbor(n(1), with = "crate::wire::optional_text")]
    pub unit: Option<Label>,
}

/// What rules look at of the owner of a phone.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct OfflinePerson {
    /// Her phone.
    #[cbor(n(0), with = "crate::wire::id")]
    pub phone: PhoneId,
    /// What she may do.
    #[cbor(n(1), with = "crate::wire::text")]
    pub role: Role,
    /// The ward or department she belongs to.
    #[cbor(n(2), with = "crate::wire::optional_text")]
    pub unit: Option<Label>,
    /// Her failed comparisons in a row.
    #[n(3)]
    pub failures: u32,
}

/// A tap at a workstation that has nobody to ask.
#[derive(Clone, Copy, Debug)]
pub struct Alone<'a> {
    /// The roster, verified and current.
    pub roster: &'a Roster,
    /// What it says of this.
    pub terms: &'a OfflineTerms,
    /// The policy of the terms.
    pub policy: &'a Policy,
    /// This workstation.
    pub workstation: WorkstationId,
    /// Its key: a P-256 `SubjectPublicKeyInfo` in DER.
    pub workstation_key: &'a [u8],
    /// Whose phone was asked.
    pub entry: &'a RosterEntry,
    /// What the server once signed of her reference, verified.
    pub credential: &'a ReferenceCredential,
    /// What was asked.
    pub challenge: &'a Challenge,
    /// Her failed comparisons here since the server was last told.
    pub attempts: &'a Attempts,
}

impl Alone<'_> {
    /// The verdict. [`Refusal::ClockSkew`] also when the clock stands before the roster was made, or past the time of the terms.
    pub fn decide(&self, claims: Claims, now: Timestamp) -> Result<VerifiedTap, Refusal> {
        let early = self.roster.issued_at.duration_since(now) > self.policy.clock_tolerance;
        if early || now >= self.terms.until {
            return Err(Refusal::ClockSkew);
        }
        let place = self.terms.workplaces.iter().find(|it| it.workstation == self.workstation);
        let place = place.ok_or(Refusal::WorkstationRevoked)?;
        let person = self.terms.people.iter().find(|it| it.phone == self.entry.phone);
        let person = person.ok_or(Refusal::PhoneUnknown)?;
        let workstation = self.workstation(place)?;
        let (phone, user) = (self.phone(), self.user(person)?);
        let reference = self.reference();
        let failures = self.attempts.failures.saturating_add(person.failures);
        let knowledge = Knowledge {
            trust_domain: &self.roster.trust_domain,
            workstation: &workstation,
            phone: &phone,
            user: &user,
            reference: reference.as_ref(),
            challenge: self.challenge,
            statement_challenge: Some(self.challenge),
            attempts: &Attempts { failures, ..*self.attempts },
            policy: self.policy,
        };
        claims.verify(&knowledge, now)
    }

    fn workstation(&self, place: &Workplace) -> Result<Workstation, Refusal> {
        Ok(Workstation {
            id: self.workstation,
            // Nobody looks at it here.
            name: "workstation".parse().map_err(|_| Refusal::WorkstationRevoked)?,
            unit: place.unit.clone(),
            site: None,
            state: workstation::State::Enrolled {
                public_key: self.workstation_key.to_vec(),
                at: self.roster.issued_at,
            },
        })
    }

    fn phone(&self) -> Phone {
        Phone {
            id: self.entry.phone,
            user: self.entry.user,
            state: phone::State::Bound(Binding {
                public_key: self.entry.public_key.clone(),
                identifier_key: self.entry.identifier_key,
                at: self.roster.issued_at,
            }),
        }
    }

    fn user(&self, person: &OfflinePerson) -> Result<User, Refusal> {
        let state = if self.entry.active {
            user::State::Active
        } else {
            user::State::Disabled { at: self.roster.issued_at }
        };
        Ok(User {
            id: self.entry.user,
            username: self.entry.username.parse().map_err(|_| Refusal::PhoneUnknown)?,
            display_name: self.entry.display_name.parse().map_err(|_| Refusal::PhoneUnknown)?,
            role: person.role,
            unit: person.unit.clone(),
            email: None,
            state,
        })
    }

    /// Her active reference, by the roster; what it is, by the credential that the server once signed.
    fn reference(&self) -> Option<Reference> {
        let (id, digest) = self.entry.reference?;
        let of = self.credential;
        let same = (of.reference, of.user, of.phone) == (id, self.entry.user, self.entry.phone);
        same.then(|| Reference {
            id,
            user: of.user,
            phone: of.phone,
            digest,
            model_set: of.model_set.clone(),
            // Nobody looks at it here.
            enrolment: imp_identity::EnrolmentId::from_bytes(id.into_bytes()),
            officer: of.enrolled_by,
            enrolled_at: of.enrolled_at,
            expires_at: of.expires_at,
            state: reference::State::Active,
        })
    }
}

/// Failed comparisons that a journal holds of somebody, newest last: `true` for a tap that was accepted.
pub fn attempts_of(user: UserId, outcomes: impl Iterator<Item = (bool, Timestamp)>) -> Attempts {
    outcomes.fold(Attempts::none(user), |attempts, (accepted, at)| {
        if accepted { attempts.reset() } else { attempts.failed(at).0 }
    })
}

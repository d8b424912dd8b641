//! Cases that the policies must decide as their author says: who asks for what, and whether she may.
use std::collections::BTreeMap;
use std::fmt;

use imp_identity::authentication::Aal;
use imp_identity::user::Role;
use imp_identity::{ClientId, DeviceId, PhoneId, ReceiverId, UserId, WorkstationId};
use serde::Deserialize;

use crate::caller::{Caller, Circumstances, Person, Subject};
use crate::decide::Decision;
use crate::load::{Access, PolicyText};
use crate::operation::{CallerKind, Operation, SubjectKind};

/// One question with the answer that is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The file.
    pub file: String,
    /// The operation.
    pub action: String,
    /// Who asks, by the name in `[who]`.
    pub who: String,
    /// Whether she may.
    pub allowed: bool,
    asked: Asked,
}

/// Every case of some files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cases(pub Vec<Case>);

/// What the policies said of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The case.
    pub case: Case,
    /// The decision.
    pub decision: Decision,
}

/// The cases cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CasesError {
    /// A file is not what is expected.
    #[error("{file} cannot be read")]
    Text {
        /// Which.
        file: String,
        /// Why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// Somebody is named whom no `[who]` describes.
    #[error("{file}: {action}: nobody is described as {who}")]
    Who {
        /// The file.
        file: String,
        /// The operation.
        action: String,
        /// The name.
        who: String,
    },
    /// An operation is named that does not exist.
    #[error("{file}: there is no operation {action}")]
    Action {
        /// The file.
        file: String,
        /// The name.
        action: String,
    },
}

/// A file: people and machines under their names, then an operation a line.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    who: BTreeMap<String, Who>,
    cases: BTreeMap<String, Expected>,
}

/// Somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "a line of a case names what holds")]
struct Who {
    /// A person with this role.
    role: Option<Role>,
    /// Her groups.
    groups: Vec<String>,
    /// Her unit.
    unit: Option<String>,
    /// How surely she was authenticated; two factors unless said otherwise.
    aal: Option<Aal>,
    /// Whether an application asks in her name.
    by_application: bool,
    /// An application with these scopes.
    scopes: Option<Vec<String>>,
    /// Whether what she asks about is herself.
    own: bool,
    /// The role of the person whom she asks about.
    about_role: Option<Role>,
    /// The unit of the person whom she asks about.
    about_unit: Option<String>,
    /// Whether the person whom she asks about has a passkey or security key.
    about_registered: bool,
    /// `access.require_aal2`.
    requires_aal2: bool,
}

/// Who may, and who may not.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expected {
    allow: Vec<String>,
    deny: Vec<String>,
}

/// A question without the subject's kind, which the operation says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    caller: Caller,
    about: Option<Person>,
    circumstances: Circumstances,
}

/// Who is known without being described.
const KNOWN: [&str; 10] = [
    "anyone",
    "staff",
    "officer",
    "administrator",
    "auditor",
    "workstation",
    "phone",
    "device",
    "receiver",
    "client",
];

impl Cases {
    /// Reads files. Who is described in one of them is known in all.
    pub fn read(files: &[PolicyText]) -> Result<Self, CasesError> {
        let mut written = Vec::with_capacity(files.len());
        let mut who = BTreeMap::new();
        for name in KNOWN {
            who.insert(name.to_owned(), known(name));
        }
        for PolicyText { name, text } in files {
            let read: Written = toml::from_str(text).map_err(|source| CasesError::Text {
                file: name.clone(),
                source: Box::new(source),
            })?;
            for (name, described) in &read.who {
                who.insert(name.clone(), described.asked(CallerKind::User));
            }
            written.push((name, read));
        }
        let mut cases = vec![];
        for (file, Written { cases: lines, .. }) in written {
            for (action, Expected { allow, deny }) in lines {
                let allow = allow.into_iter().map(|name| (name, true));
                for (name, allowed) in allow.chain(deny.into_iter().map(|name| (name, false))) {
                    let (file, action) = (file.clone(), action.clone());
                    let Some(asked) = who.get(&name).cloned() else {
                        return Err(CasesError::Who { file, action, who: name });
                    };
                    cases.push(Case { file, action, who: name, allowed, asked });
                }
            }
        }
        Ok(Self(cases))
    }
}

/// Asks every case.
pub fn run_cases(access: &Access, cases: &Cases) -> Result<Vec<Outcome>, CasesError> {
    let asked = cases.0.iter().map(|case| {
        let Some(kind) = access.subject_of(&case.action) else {
            let (file, action) = (case.file.clone(), case.action.clone());
            return Err(CasesError::Action { file, action });
        };
        let Asked { caller, about, circumstances } = &case.asked;
        let subject = match (kind, about) {
            (SubjectKind::Hospital, _) => Subject::Hospital,
            (SubjectKind::User, Some(person)) => Subject::User(person.clone()),
            (kind, _) => Subject::Thing { kind, id: "another".to_owned() },
        };
        let decision = access.decide(caller, &case.action, &subject, circumstances);
        Ok(Outcome { case: case.clone(), decision })
    });
    asked.collect()
}

/// What no case covers: operations that nobody is said to be allowed, or (unless they are for anyone) to be refused.
pub fn uncovered(operations: &[Operation], cases: &Cases) -> Vec<String> {
    let mut missing = vec![];
    for Operation { id, .. } in operations {
        let of = |allowed| {
            cases.0.iter().filter(move |case| case.action == *id && case.allowed == allowed)
        };
        if of(true).next().is_none() {
            missing.push(format!("{id}: nobody is allowed"));
        }
        let for_anyone = of(true).any(|case| case.asked.caller == Caller::Anyone);
        if !for_anyone && of(false).next().is_none() {
            missing.push(format!("{id}: nobody is refused"));
        }
    }
    missing
}

impl Outcome {
    /// Whether it is as expected.
    pub const fn holds(&self) -> bool {
        self.case.allowed == self.decision.allowed
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let may = |allowed| if allowed { "may" } else { "may not" };
        let Case { file, action, who, allowed, .. } = &self.case;
        let Decision { allowed: decided, policies, .. } = &self.decision;
        write!(f, "{file}: {who} {} {action}", may(*allowed))?;
        if !self.holds() {
            write!(f, ", but the policies say that she {}", may(*decided))?;
        }
        if policies.is_empty() {
            write!(f, " (no policy permits it)")
        } else {
            write!(f, " (by {})", policies.join(", "))
        }
    }
}

impl Who {
    fn asked(&self, kind: CallerKind) -> Asked {
        let client = ClientId::from_bytes([4; 16]);
        let me = UserId::from_bytes([1; 16]);
        let person = |id, role: Option<Role>, unit: &Option<String>, groups: &[String]| Person {
            id,
            role: role.unwrap_or(Role::Staff),
            unit: unit.clone(),
            groups: groups.to_vec(),
            registered: None,
        };
        let her = person(me, self.role, &self.unit, &self.groups);
        let other = UserId::from_bytes([2; 16]);
        let about = if self.own {
            her.clone()
        } else {
            person(other, self.about_role, &self.about_unit, &[])
        };
        let about = Person { registered: Some(self.about_registered), ..about };
        let caller = match (kind, &self.scopes) {
            (_, Some(scopes)) => Caller::Client { id: client, scopes: scopes.clone() },
            (CallerKind::Client, None) => Caller::Client { id: client, scopes: vec![] },
            (CallerKind::Anyone, None) => Caller::Anyone,
            (CallerKind::Workstation, None) => {
                Caller::Workstation(WorkstationId::from_bytes([3; 16]))
            }
            (CallerKind::Device, None) => Caller::Device(DeviceId::from_bytes([9; 16])),
            (CallerKind::Phone, None) => Caller::Phone(PhoneId::from_bytes([5; 16])),
            (CallerKind::Receiver, None) => Caller::Receiver(ReceiverId::from_bytes([6; 16])),
            (CallerKind::User, None) => Caller::User(her),
        };
        let is_person = matches!(caller, Caller::User(_));
        let circumstances = Circumstances {
            aal: is_person.then(|| self.aal.unwrap_or(Aal::Aal2)),
            client: (is_person && self.by_application).then_some(client),
            requires_aal2: self.requires_aal2,
        };
        Asked { caller, about: Some(about), circumstances }
    }
}

fn known(name: &str) -> Asked {
    let kind = match name {
        "anyone" => CallerKind::Anyone,
        "workstation" => CallerKind::Workstation,
        "phone" => CallerKind::Phone,
        "device" => CallerKind::Device,
        "receiver" => CallerKind::Receiver,
        "client" => CallerKind::Client,
        _ => CallerKind::User,
    };
    Who { role: name.parse().ok(), ..Who::default() }.asked(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Vec<PolicyText> {
        vec![PolicyText { name: "c.toml".to_owned(), text: text.to_owned() }]
    }

    fn operations() -> Vec<Operation> {
        let operation = |id: &str, callers: &[CallerKind], subject| Operation {
            id: id.to_owned(),
            groups: vec!["people/*".to_owned()],
            callers: callers.to_vec(),
            subject,
        };
        vec![
            operation("users", &[CallerKind::User], SubjectKind::Hospital),
            operation("user", &[CallerKind::User], SubjectKind::User),
            operation("health", &[CallerKind::Anyone], SubjectKind::Hospital),
        ]
    }

    #[test]
    fn a_case_that_the_policies_decide_otherwise_names_them() {
        let policies = vec![PolicyText {
            name: "p.cedar".to_owned(),
            text: "@id(\"open\") permit (principal in Role::\"staff\", action, resource);\n\
                   @id(\"self\") permit (principal is User, action == Action::\"user\", resource is User) when { principal == resource };"
                .to_owned(),
        }];
        let access = Access::load(&operations(), &policies).unwrap();
        let cases = Cases::read(&file(
            "[who]\nherself = { role = \"auditor\", own = true }\n[cases]\n\
             users = { allow = [\"staff\"], deny = [\"auditor\", \"anyone\"] }\n\
             user = { allow = [\"herself\"], deny = [\"staff\"] }\n",
        ));
        let outcomes = run_cases(&access, &cases.unwrap()).unwrap();
        let wrong: Vec<_> = outcomes.iter().filter(|outcome| !outcome.holds()).collect();
        let [wrong] = wrong.as_slice() else { panic!("{wrong:?}") };
        let text = "c.toml: staff may not user, but the policies say that she may (by open)";
        assert_eq!(wrong.to_string(), text);
    }

    #[test]
    fn what_no_case_covers_is_named() {
        let text = "[cases]\nusers = { allow = [\"staff\"] }\nhealth = { allow = [\"anyone\"] }\n";
        let cases = Cases::read(&file(text)).unwrap();
        let missing = uncovered(&operations(), &cases);
        let expected =
            ["users: nobody is refused", "user: nobody is allowed", "user: nobody is refused"];
        assert_eq!(missing, expected);
    }

    #[test]
    fn a_slip_in_a_case_is_named() {
        let unknown = Cases::read(&file("[cases]\nusers = { allow = [\"nurse\"] }\n"));
        let error = unknown.unwrap_err();
        assert_eq!(error.to_string(), "c.toml: users: nobody is described as nurse");
        let access = Access::load(&operations(), &[]).unwrap();
        let cases = Cases::read(&file("[cases]\nusres = { deny = [\"staff\"] }\n")).unwrap();
        let error = run_cases(&access, &cases).unwrap_err();
        assert_eq!(error.to_string(), "c.toml: there is no operation usres");
        assert!(matches!(
            Cases::read(&file("[cases]\nusers = { alow = [] }\n")),
            Err(CasesError::Text { .. })
        ));
    }
}

//! What applications learn of a person (OpenID Connect Core §5).
use serde_json::{Map, Value, json};

use crate::authorize::ClaimRequest;
use crate::scope::Scope;

/// A person, as far as the directory knows her.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// `name`.
    pub name: String,
    /// `given_name`.
    pub given_name: Option<String>,
    /// `family_name`.
    pub family_name: Option<String>,
    /// `preferred_username`.
    pub username: String,
    /// `email`.
    pub email: Option<String>,
    /// `email_verified`.
    pub email_verified: bool,
    /// `groups` (RFC 7643 §4.1.2, RFC 9068 §2.2.3.1).
    pub groups: Vec<String>,
    /// `roles` (the same).
    pub roles: Vec<String>,
    /// `department`: her unit (RFC 7643 §4.3).
    pub department: Option<String>,
    /// `updated_at` in seconds since 1970.
    pub updated_at: Option<i64>,
}

/// Claims and the scope that asks for them (§5.4; `groups` and `roles` are ours).
const CLAIMS: &[(&str, &str)] = &[
    ("name", "profile"),
    ("given_name", "profile"),
    ("family_name", "profile"),
    ("preferred_username", "profile"),
    ("updated_at", "profile"),
    ("department", "profile"),
    ("email", "email"),
    ("email_verified", "email"),
    ("groups", "groups"),
    ("roles", "roles"),
];

/// `claims_supported`: those of a person, and those about her authentication.
pub fn supported() -> Vec<&'static str> {
    let about = ["sub", "acr", "amr", "auth_time", "sid"];
    about.into_iter().chain(CLAIMS.iter().map(|(name, _)| *name)).collect()
}

/// The claims of `person` that `scope` asks for, and those that `requested` asks for one by one, so far as `allowed` (what the
/// client is registered for) has their scope. `sub` is the caller's.
pub fn select<'a>(
    person: &Person,
    scope: &Scope,
    requested: impl IntoIterator<Item = (&'a String, &'a ClaimRequest)>,
    allowed: &Scope,
) -> Map<String, Value> {
    let requested: Vec<&str> = requested.into_iter().map(|(name, _)| name.as_str()).collect();
    let wanted = |(name, own): &&(&str, &str)| {
        scope.contains(own) || (requested.contains(name) && allowed.contains(own))
    };
    let value = |(name, _): &(&'static str, &str)| Some(((*name).to_owned(), person.claim(name)?));
    CLAIMS.iter().filter(wanted).filter_map(value).collect()
}

impl Person {
    fn claim(&self, name: &str) -> Option<Value> {
        match name {
            "name" => Some(json!(self.name)),
            "given_name" => self.given_name.as_ref().map(|name| json!(name)),
            "family_name" => self.family_name.as_ref().map(|name| json!(name)),
            "preferred_username" => Some(json!(self.username)),
            "updated_at" => self.updated_at.map(|at| json!(at)),
            "department" => self.department.as_ref().map(|department| json!(department)),
            "email" => self.email.as_ref().map(|email| json!(email)),
            "email_verified" => self.email.as_ref().map(|_| json!(self.email_verified)),
            "groups" => Some(json!(self.groups)),
            "roles" => Some(json!(self.roles)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorize::ClaimsRequest;

    #[test]
    fn applications_learn_what_they_asked_for_and_may_know() {
        let person = Person {
            name: "Alice Rossi".to_owned(),
            username: "alice".to_owned(),
            email: Some("alice@ward.example".to_owned()),
            roles: vec!["staff".to_owned()],
            ..Person::default()
        };
        let asked = ClaimsRequest::parse(
            r#"{"userinfo": {"name": null, "email": {"essential": true}, "sub": null}}"#,
        )
        .unwrap();
        let scope = |text: &str| text.parse::<Scope>().unwrap();
        let learn = |own: &str, allowed: &str| {
            let claims = select(&person, &scope(own), &asked.userinfo, &scope(allowed));
            claims.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(learn("openid", "openid profile"), ["name"]);
        assert_eq!(learn("openid", "openid"), Vec::<String>::new());
        let mut all = learn("openid email roles", "openid");
        all.sort_unstable();
        assert_eq!(all, ["email", "email_verified", "roles"]);
        assert!(supported().contains(&"sub"));
    }
}

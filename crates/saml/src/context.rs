//! How somebody was authenticated, as SAML calls it (saml-authn-context-2.0-os), told truthfully: nobody here types a password,
//! and no class that says so is ever answered.
use imp_identity::authentication::{Aal, Authentication};
use serde::{Deserialize, Serialize};

use crate::xml::{ASSERTION, Element, PROTOCOL, XmlError};

/// An authentication context class that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContextClass {
    /// An assurance level of SP 800-63B, by the URI that acr values have too.
    Aal(Aal),
    /// More than one factor: REFEDS MFA Profile 1.2.
    RefedsMultiFactor,
    /// At least one factor: REFEDS SFA Profile.
    RefedsSingleFactor,
    /// Whatever.
    Unspecified,
}

/// How sure the application wants us to be; in its order of preference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedContext {
    /// Classes that we know, of those it named.
    classes: Vec<ContextClass>,
    /// Whether more is as good.
    minimum: bool,
    /// Whether it named none that we know: nothing will do.
    impossible: bool,
}

/// Classes that demand less than any authentication here gives, when more is as good.
const WEAKER: [&str; 4] =
    ["Password", "PasswordProtectedTransport", "PreviousSession", "InternetProtocol"];
const CLASSES: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:";
/// So many classes are read.
const MOST: usize = 20;

impl ContextClass {
    /// The class with that URI.
    pub fn from_uri(uri: &str) -> Option<Self> {
        [
            Self::Aal(Aal::Aal1),
            Self::Aal(Aal::Aal2),
            Self::Aal(Aal::Aal3),
            Self::RefedsMultiFactor,
            Self::RefedsSingleFactor,
            Self::Unspecified,
        ]
        .into_iter()
        .find(|class| class.uri() == uri)
    }

    /// Its URI.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Aal(Aal::Aal1) => "http://idmanagement.gov/ns/assurance/aal/1",
            Self::Aal(Aal::Aal2) => "http://idmanagement.gov/ns/assurance/aal/2",
            Self::Aal(Aal::Aal3) => "http://idmanagement.gov/ns/assurance/aal/3",
            Self::RefedsMultiFactor => "https://refeds.org/profile/mfa",
            Self::RefedsSingleFactor => "https://refeds.org/profile/sfa",
            Self::Unspecified => "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified",
        }
    }

    /// The least assurance that deserves it.
    const fn least(self) -> Aal {
        match self {
            Self::Aal(aal) => aal,
            Self::RefedsMultiFactor => Aal::Aal2,
            Self::RefedsSingleFactor | Self::Unspecified => Aal::Aal1,
        }
    }
}

impl RequestedContext {
    pub(crate) fn read(request: &Element) -> Result<Self, XmlError> {
        let Some(requested) = request.child(PROTOCOL, "RequestedAuthnContext")? else {
            return Ok(Self::default());
        };
        let minimum = match requested.attribute("Comparison") {
            None | Some("exact") => false,
            Some("minimum") => true,
            // `better` and `maximum` compare with a scale that nobody shares
            Some(_) => return Ok(Self { impossible: true, ..Self::default() }),
        };
        let mut classes = Vec::new();
        for class in requested.children(ASSERTION, "AuthnContextClassRef").take(MOST) {
            let uri = class.text()?;
            let weaker = uri.strip_prefix(CLASSES).is_some_and(|name| WEAKER.contains(&name));
            match ContextClass::from_uri(uri) {
                Some(class) => classes.push(class),
                None if minimum && weaker => classes.push(ContextClass::Unspecified),
                None => (),
            }
        }
        let impossible = classes.is_empty();
        Ok(Self { classes, minimum, impossible })
    }

    /// Whether nothing that we could do would be what it asked for.
    pub const fn is_impossible(&self) -> bool {
        self.impossible
    }

    /// The least assurance that satisfies it, if it asks for any.
    pub fn least(&self) -> Option<Aal> {
        self.classes.iter().map(|class| class.least()).min()
    }

    /// The class to answer for an authentication, if it is as asked: one of those named, or, where more is as good, what is true.
    pub fn answer(&self, authentication: &Authentication) -> Option<ContextClass> {
        let truth = ContextClass::Aal(authentication.aal);
        if self.classes.is_empty() {
            return (!self.impossible).then_some(truth);
        }
        let mut good =
            self.classes.iter().copied().filter(|class| class.least() <= authentication.aal);
        if self.minimum { good.next().map(|_| truth) } else { good.next() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Bounds, read};

    fn requested(comparison: &str, classes: &[&str]) -> RequestedContext {
        let classes: Vec<String> = classes
            .iter()
            .map(|c| format!("<a:AuthnContextClassRef>{c}</a:AuthnContextClassRef>"))
            .collect();
        let classes = classes.concat();
        let document = format!(
            "<p:AuthnRequest xmlns:p='{PROTOCOL}' xmlns:a='{ASSERTION}'><p:RequestedAuthnContext {comparison}>{classes}\
             </p:RequestedAuthnContext></p:AuthnRequest>"
        );
        let bounds = Bounds { size: 4096, elements: 20, depth: 5 };
        RequestedContext::read(&read(document.as_bytes(), bounds).unwrap()).unwrap()
    }

    const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

    fn tap() -> Authentication {
        Authentication::tap(jiff::Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_application_that_asks_for_nothing_is_told_the_truth() {
        assert_eq!(RequestedContext::default().answer(&tap()), Some(ContextClass::Aal(Aal::Aal2)));
    }

    #[test]
    fn a_class_is_answered_as_it_was_asked_for_when_it_is_true() {
        let asked = requested("", &["https://refeds.org/profile/mfa"]);
        assert_eq!(asked.least(), Some(Aal::Aal2));
        assert_eq!(asked.answer(&tap()), Some(ContextClass::RefedsMultiFactor));
        let one_factor = Authentication::new(jiff::Timestamp::UNIX_EPOCH, vec![], Aal::Aal1);
        assert_eq!(asked.answer(&one_factor), None);
        assert_eq!(requested("", &[ContextClass::Aal(Aal::Aal3).uri()]).answer(&tap()), None);
    }

    #[test]
    fn nobody_is_told_that_a_password_was_typed() {
        assert!(requested("", &[PASSWORD]).is_impossible());
        assert!(requested("Comparison='better'", &[PASSWORD]).is_impossible());
        let minimum = requested("Comparison='minimum'", &[PASSWORD]);
        assert_eq!(minimum.answer(&tap()), Some(ContextClass::Aal(Aal::Aal2)));
    }
}

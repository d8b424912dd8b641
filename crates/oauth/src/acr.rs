//! Authentication context classes: how sure an application wants to be, and how sure the server is.
use imp_identity::authentication::{Aal, Authentication, Method};

/// SP 800-63B AAL1, as SP 800-63C names it.
pub const AAL1: &str = "http://idmanagement.gov/ns/assurance/aal/1";
/// SP 800-63B AAL2.
pub const AAL2: &str = "http://idmanagement.gov/ns/assurance/aal/2";
/// SP 800-63B AAL3.
pub const AAL3: &str = "http://idmanagement.gov/ns/assurance/aal/3";
/// Phishing-resistant (OpenID Connect Extended Authentication Profile ACR Values 1.0).
pub const PHR: &str = "phr";
/// Phishing-resistant with a key in hardware (the same).
pub const PHRH: &str = "phrh";

/// Every value that is understood: `acr_values_supported`.
pub const SUPPORTED: &[&str] = &[AAL1, AAL2, AAL3, PHR, PHRH];

/// The value that says how sure an authentication makes.
pub const fn of(aal: Aal) -> &'static str {
    match aal {
        Aal::Aal1 => AAL1,
        Aal::Aal2 => AAL2,
        Aal::Aal3 => AAL3,
    }
}

/// The level that an `aal/…` value asks for.
pub fn level(value: &str) -> Option<Aal> {
    match value {
        AAL1 => Some(Aal::Aal1),
        AAL2 => Some(Aal::Aal2),
        AAL3 => Some(Aal::Aal3),
        _ => None,
    }
}

/// Whether an authentication satisfies a value; never one that is not understood.
pub fn satisfies(value: &str, authentication: &Authentication) -> bool {
    match value {
        PHR => authentication.phishing_resistant,
        PHRH => {
            authentication.phishing_resistant
                && authentication.methods.contains(&Method::HardwareKey)
        }
        _ => level(value).is_some_and(|level| authentication.aal >= level),
    }
}

/// What `acr` says: the first wanted value that is satisfied, else the level of the authentication.
pub fn truthful(wanted: &[String], authentication: &Authentication) -> &'static str {
    let satisfied = |value: &&&str| satisfies(value, authentication);
    wanted
        .iter()
        .filter_map(|wanted| SUPPORTED.iter().find(|known| *known == wanted))
        .find(satisfied)
        .copied()
        .unwrap_or_else(|| of(authentication.aal))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn acr_says_what_is_true() {
        let tap = Authentication::tap(Timestamp::UNIX_EPOCH);
        let code = Authentication::new(Timestamp::UNIX_EPOCH, vec![Method::Code], Aal::Aal1);
        let wanted =
            |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        assert_eq!(truthful(&[], &tap), AAL2);
        assert_eq!(truthful(&wanted(&[AAL3, PHRH]), &tap), PHRH);
        assert_eq!(truthful(&wanted(&["urn:other", AAL1]), &tap), AAL1);
        assert_eq!(truthful(&wanted(&[PHR, AAL2]), &code), AAL1);
        assert!(!satisfies("urn:other", &tap));
        let phone =
            Authentication::new(Timestamp::UNIX_EPOCH, vec![Method::HardwareKey], Aal::Aal2);
        assert!(!satisfies(PHRH, &phone) && satisfies(PHRH, &phone.resisting_phishing()));
    }
}

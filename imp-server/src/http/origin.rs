//! Whether a page of ours asks, when a browser vouches for its user by a cookie (OWASP ASVS 5.0, 3.5).
//!
//! Browsers say where a request comes from (W3C Fetch Metadata; `Origin`, RFC 6454). Only what our own pages send counts, and
//! only if a form of another site could not have sent it: such a form can neither set the body's type to JSON nor add a header
//! without asking first (Fetch §3.3.5), and nobody here answers such questions with yes.
use axum::http::header::{CONTENT_TYPE, ORIGIN};
use axum::http::{HeaderMap, Method};

/// Browsers say here where a request was made.
const FETCH_SITE: &str = "sec-fetch-site";
/// Our scripts set it, so that requests without a body can be told from a form's.
const SCRIPT: &str = "x-imp-script";

/// Whether the request was made by a page of `issuer`, our own origin.
pub(crate) fn is_own(headers: &HeaderMap, issuer: &str) -> bool {
    let said = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (said(FETCH_SITE), said(ORIGIN.as_str())) {
        (Some(site), _) if site != "same-origin" => false,
        (Some(_) | None, Some(origin)) => origin == issuer,
        (Some(_), None) => true,
        // Nothing says where it comes from: no browser of today.
        (None, None) => false,
    }
}

/// Whether a request that rests on a cookie alone may count: made by a page of ours, and by a script.
pub(super) fn is_own_script(method: &Method, headers: &HeaderMap, issuer: &str) -> bool {
    if !is_own(headers, issuer) {
        return false;
    }
    let is_json = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"));
    method.is_safe() || is_json || headers.contains_key(SCRIPT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    const ISSUER: &str = "https://imp.hospital.example";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn another_site_cannot_use_the_cookie() {
        let json = ("content-type", "application/json");
        for (pairs, counts) in [
            (vec![("sec-fetch-site", "same-origin"), ("origin", ISSUER), json], true),
            (vec![("origin", ISSUER), json], true),
            (vec![("sec-fetch-site", "same-origin"), ("x-imp-script", "1")], true),
            (vec![("sec-fetch-site", "same-origin"), ("content-type", "text/plain")], false),
            (vec![("sec-fetch-site", "same-origin")], false),
            (vec![("sec-fetch-site", "cross-site"), json], false),
            (vec![("sec-fetch-site", "same-site"), json], false),
            (vec![("sec-fetch-site", "none"), json], false),
            (
                vec![("sec-fetch-site", "same-origin"), ("origin", "https://evil.example"), json],
                false,
            ),
            (vec![("origin", "https://imp.hospital.example.evil.example"), json], false),
            (vec![("origin", "null"), json], false),
            (vec![json], false),
        ] {
            let got = is_own_script(&Method::POST, &headers(&pairs), ISSUER);
            assert_eq!(got, counts, "{pairs:?}");
        }
        let read = headers(&[("sec-fetch-site", "same-origin")]);
        assert!(is_own_script(&Method::GET, &read, ISSUER));
        let read = headers(&[("sec-fetch-site", "cross-site")]);
        assert!(!is_own_script(&Method::GET, &read, ISSUER));
    }
}

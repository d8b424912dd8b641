//! In which language the pages speak: what she or the application chose, else what her browser asks for.
use std::future::Future;

use axum::extract::Request;
use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE, COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use super::cookie;
use super::text::{ENGLISH, LANGUAGES, Text, spoken_of};

/// Most languages of a header that are looked at.
const MOST: usize = 16;

tokio::task_local! {
    static SPOKEN: &'static Text;
}

/// The language of the request that is being answered; English outside of the pages.
pub(crate) fn spoken() -> &'static Text {
    SPOKEN.try_with(|text| *text).unwrap_or(&ENGLISH)
}

/// Has everything that is said within in the language of `tags` (OpenID Connect Core §3.1.2.1, `ui_locales`), if it is spoken here.
pub(crate) fn choose(tags: Option<&str>) -> Option<&'static Text> {
    spoken_of(tags?.split_ascii_whitespace().take(MOST))
}

/// Answers in `text`.
pub(crate) async fn speaking<T>(text: &'static Text, answer: impl Future<Output = T>) -> T {
    SPOKEN.scope(text, answer).await
}

/// Answers a request for a page in its language.
pub(crate) async fn speak(request: Request, next: Next) -> Response {
    let text = of(request.headers());
    let mut response = SPOKEN.scope(text, next.run(request)).await;
    let headers = response.headers_mut();
    if !headers.contains_key(CONTENT_LANGUAGE) {
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(text.language));
    }
    response
}

/// What was chosen before, else what the browser prefers of what is spoken here.
fn of(headers: &HeaderMap) -> &'static Text {
    let chosen = if headers.contains_key(COOKIE) { cookie::language(headers) } else { None };
    let accepted = || spoken_of(accepted(headers));
    spoken_of(chosen).or_else(accepted).unwrap_or(LANGUAGES[0])
}

/// The languages of `Accept-Language`, the dearest first (RFC 9110 §12.5.4); what is not wanted at all is left out.
fn accepted(headers: &HeaderMap) -> Vec<&str> {
    let text = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let mut wanted: Vec<(&str, f32)> = text
        .unwrap_or_default()
        .split(',')
        .take(MOST)
        .filter_map(|range| {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let weight = weight.trim().strip_prefix("q=")?.parse::<f32>().ok()?;
            (weight > 0.0).then_some((tag.trim(), weight))
        })
        .collect();
    // Stable: of two that are equally dear the first comes first.
    wanted.sort_by(|one, other| other.1.total_cmp(&one.1));
    wanted.into_iter().map(|(tag, _)| tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(accept: &str, cookie: &str) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(accept).unwrap());
        headers.insert(COOKIE, HeaderValue::from_str(cookie).unwrap());
        of(&headers).language
    }

    #[test]
    fn the_browser_is_answered_in_the_language_that_it_prefers() {
        for (accept, expected) in [
            ("it-IT,it;q=0.9,en;q=0.8", "it"),
            ("en;q=0.5, el-GR;q=0.9, it;q=0.1", "el"),
            ("de-CH,de;q=0.9", "en"),
            ("it;q=0, el", "el"),
            ("", "en"),
            ("*", "en"),
            ("it;q=much, el;q=0.1", "el"),
        ] {
            assert_eq!(language(accept, "a=b"), expected, "{accept}");
        }
        let endless = format!("{}it", "xx,".repeat(100_000));
        assert_eq!(language(&endless, "a=b"), "en", "nobody speaks so many");
    }

    #[test]
    fn what_was_chosen_counts_more_than_what_the_browser_prefers() {
        assert_eq!(language("it", "__Host-imp-language=el"), "el");
        assert_eq!(language("it", "__Host-imp-language=tlh"), "it");
    }

    #[tokio::test]
    async fn outside_of_the_pages_english_is_spoken() {
        assert_eq!(spoken().language, "en");
        let greek = choose(Some("tlh el")).unwrap();
        assert_eq!(speaking(greek, async { spoken().language }).await, "el");
        assert!(choose(Some("tlh")).is_none() && choose(None).is_none());
    }
}

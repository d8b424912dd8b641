//! As much of HTML as the server's own pages have: elements with quoted attributes.
use reqwest::Method;

/// A form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Where it goes.
    pub action: String,
    /// How.
    pub method: Method,
    /// Its named inputs, with the values they come with.
    pub fields: Vec<(String, String)>,
    /// Named buttons: the one that is pressed is sent.
    pub buttons: Vec<(String, String)>,
    /// `id`.
    pub id: Option<String>,
}

/// An element's name and attributes.
struct Tag<'a> {
    name: &'a str,
    rest: &'a str,
}

/// The forms of a page.
pub(super) fn forms(body: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open = false;
    for tag in tags(body) {
        match tag.name {
            "form" => {
                let post = tag
                    .attribute("method")
                    .is_some_and(|method| method.eq_ignore_ascii_case("post"));
                forms.push(Form {
                    action: tag.attribute("action").unwrap_or_default(),
                    method: if post { Method::POST } else { Method::GET },
                    fields: Vec::new(),
                    buttons: Vec::new(),
                    id: tag.attribute("id"),
                });
                open = true;
            }
            "/form" => open = false,
            "input" | "button" if open => {
                let named = tag
                    .attribute("name")
                    .map(|name| (name, tag.attribute("value").unwrap_or_default()));
                let button =
                    tag.name == "button" || tag.attribute("type").as_deref() == Some("submit");
                if let (Some(form), Some(named)) = (forms.last_mut(), named) {
                    if button { form.buttons.push(named) } else { form.fields.push(named) }
                }
            }
            _ => {}
        }
    }
    forms
}

/// The form that the page submits by a script in it.
pub(super) fn self_submitting(body: &str) -> Option<Form> {
    let marked = body.contains("document.forms[0].submit()");
    forms(body).into_iter().next().filter(|_| marked)
}

/// Where the page goes by itself: `<meta http-equiv="refresh" content="0; url=…">`.
pub(super) fn refresh(body: &str) -> Option<String> {
    let mut tags = tags(body);
    let tag = tags.find(|tag| {
        tag.name == "meta"
            && tag
                .attribute("http-equiv")
                .is_some_and(|value| value.eq_ignore_ascii_case("refresh"))
    })?;
    let content = tag.attribute("content")?;
    content.split_once("url=").map(|(_, url)| url.trim().to_owned())
}

fn tags(body: &str) -> impl Iterator<Item = Tag<'_>> {
    body.split('<').skip(1).filter_map(|part| {
        let inside = part.split('>').next()?;
        let (name, rest) =
            inside.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((inside, ""));
        Some(Tag { name, rest })
    })
}

impl Tag<'_> {
    fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.rest.trim_start();
        while !rest.is_empty() {
            let end =
                rest.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(rest.len());
            let name = &rest[..end];
            let after = &rest[end..];
            let (value, next) =
                match after.strip_prefix("=\"").and_then(|value| value.split_once('"')) {
                    Some((value, next)) => (unescape(value), next),
                    None => (String::new(), after.trim_start_matches('=')),
                };
            if name == wanted {
                return Some(value);
            }
            rest = next.trim_start();
            if name.is_empty() && next.len() == after.len() {
                return None;
            }
        }
        None
    }
}

fn unescape(text: &str) -> String {
    let mut text = text.to_owned();
    for (entity, character) in [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&lt;", "<"),
        ("&#60;", "<"),
        ("&gt;", ">"),
        ("&#62;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read() {
        let body = r#"<p class="x">a</p><form id="f" method="post" action="/a?b=1&amp;c=2"><input type="hidden" name="n" value="a &#38; b">
            <input name="empty"><button name="answer" value="yes" disabled>Yes</button></form><input name="outside">"#;
        let form = Form {
            action: "/a?b=1&c=2".to_owned(),
            method: Method::POST,
            fields: vec![("n".to_owned(), "a & b".to_owned()), ("empty".to_owned(), String::new())],
            buttons: vec![("answer".to_owned(), "yes".to_owned())],
            id: Some("f".to_owned()),
        };
        assert_eq!(forms(body), [form]);
        assert_eq!(self_submitting(body), None);
    }

    #[test]
    fn pages_that_go_on_are_recognised() {
        let page = r#"<meta http-equiv="refresh" content="0; url=/next?a=1&amp;b=2">"#;
        assert_eq!(refresh(page).as_deref(), Some("/next?a=1&b=2"));
        assert_eq!(refresh("<meta charset=\"utf-8\">"), None);
    }
}

//! Documents as trees that are written as exclusive canonical XML without comments (xml-exc-c14n), and in no other way: what is
//! signed is what is sent.
use super::{ASSERTION, ENVELOPE, METADATA, PROTOCOL, SIGNATURE};

/// Every prefix that is written, with its namespace.
const PREFIXES: [(&str, &str); 5] = [
    ("ds", SIGNATURE),
    ("md", METADATA),
    ("saml", ASSERTION),
    ("samlp", PROTOCOL),
    ("soap", ENVELOPE),
];

/// An element with a prefix of [`PREFIXES`]; its attributes have none.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    prefix: &'static str,
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    content: Vec<Content>,
}

#[derive(Clone, Debug)]
enum Content {
    Node(Node),
    Text(String),
}

/// An empty element.
pub(crate) const fn node(prefix: &'static str, name: &'static str) -> Node {
    Node { prefix, name, attributes: Vec::new(), content: Vec::new() }
}

impl Node {
    /// With an attribute.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    /// With a child.
    pub(crate) fn child(mut self, child: Self) -> Self {
        self.content.push(Content::Node(child));
        self
    }

    /// With a child, if there is one.
    pub(crate) fn child_some(self, child: Option<Self>) -> Self {
        match child {
            Some(child) => self.child(child),
            None => self,
        }
    }

    /// With text.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.content.push(Content::Text(text.into()));
        self
    }

    /// Puts a child among the others.
    pub(crate) fn insert(&mut self, at: usize, child: Self) {
        self.content.insert(at.min(self.content.len()), Content::Node(child));
    }

    /// The value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    /// The canonical form, with this element as its apex.
    pub(crate) fn canonical(&self) -> String {
        let mut out = String::new();
        self.write(&mut Vec::new(), &mut out);
        out
    }

    /// Attributes stand in the order of their names, the namespace before them, if no element around declared it (§3).
    fn write(&self, declared: &mut Vec<&'static str>, out: &mut String) {
        out.extend(["<", self.prefix, ":", self.name]);
        let new = !declared.contains(&self.prefix);
        if new {
            declared.push(self.prefix);
            let namespace = PREFIXES.iter().find(|(prefix, _)| *prefix == self.prefix);
            out.extend([" xmlns:", self.prefix, "=\"", namespace.map_or("", |(_, uri)| uri), "\""]);
        }
        let mut attributes: Vec<_> = self.attributes.iter().collect();
        attributes.sort_by_key(|(name, _)| *name);
        for (name, value) in attributes {
            out.extend([" ", name, "=\""]);
            escape(value, true, out);
            out.push('"');
        }
        out.push('>');
        for content in &self.content {
            match content {
                Content::Node(node) => node.write(declared, out),
                Content::Text(text) => escape(text, false, out),
            }
        }
        out.extend(["</", self.prefix, ":", self.name, ">"]);
        if new {
            declared.pop();
        }
    }
}

/// xml-c14n11 §2.3. Characters that XML does not know become U+FFFD.
fn escape(text: &str, attribute: bool, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' if !attribute => out.push_str("&gt;"),
            '"' if attribute => out.push_str("&quot;"),
            '\t' if attribute => out.push_str("&#x9;"),
            '\n' if attribute => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                out.push(char::REPLACEMENT_CHARACTER);
            }
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_canonical_form() {
        let tree = node("samlp", "Response")
            .with("b", "1\t\"<>\n")
            .with("ID", "_1")
            .child(node("saml", "Issuer").text("a & b > c\r"))
            .child(node("saml", "Assertion").child(node("saml", "Issuer")));
        assert_eq!(
            tree.canonical(),
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_1\" b=\"1&#x9;&quot;&lt;>&#xA;\">\
             <saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">a &amp; b &gt; c&#xD;</saml:Issuer>\
             <saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"><saml:Issuer></saml:Issuer></saml:Assertion>\
             </samlp:Response>"
        );
    }

    #[test]
    fn nobody_breaks_out_of_text() {
        let name = "</saml:Issuer><evil/>\u{0}\"'";
        let written = node("saml", "Issuer").with("a", name).text(name).canonical();
        assert_eq!(written.matches('<').count(), 2);
        assert!(!written.contains('\u{0}'));
        let bounds = super::super::Bounds { size: 4096, elements: 1, depth: 1 };
        let read = super::super::read(written.as_bytes(), bounds).unwrap();
        assert_eq!(read.text().unwrap(), name.replace('\u{0}', "\u{fffd}"));
        assert_eq!(read.attribute("a").unwrap(), name.replace('\u{0}', "\u{fffd}"));
    }
}

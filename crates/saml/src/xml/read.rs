//! A strict reader: a small tree, or an error. It knows no DTD, no processing instruction, no CDATA, no entity but the five of
//! XML itself, no comment beside text, no attribute and no `ID` twice.
use std::collections::BTreeSet;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};
use quick_xml::reader::NsReader;

/// How much is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes of the document.
    pub(crate) size: usize,
    /// Elements in it.
    pub(crate) elements: usize,
    /// Elements within each other.
    pub(crate) depth: usize,
}

/// The document is not one that is read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// It is longer, deeper or richer than what is read.
    #[error("the document is too large")]
    TooLarge,
    /// It is not well-formed XML with namespaces, in UTF-8.
    #[error("the document is not well-formed XML in UTF-8")]
    Malformed,
    /// It holds what this reader refuses, though XML allows it.
    #[error("the document has {0}, which is refused here")]
    Refused(&'static str),
}

/// An element: its children in order, and its text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    namespace: String,
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Self>,
    text: String,
    commented: bool,
}

/// Reads a whole document.
pub(crate) fn read(document: &[u8], bounds: Bounds) -> Result<Element, XmlError> {
    if document.len() > bounds.size {
        return Err(XmlError::TooLarge);
    }
    let text = std::str::from_utf8(document).map_err(|_| XmlError::Malformed)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Parser::default().run(text, bounds)
}

impl Element {
    /// Whether it is called `name` in `namespace`.
    pub(crate) fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    /// The value of the attribute without a namespace that is called `name`.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The children with that name.
    pub(crate) fn children<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
    ) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(namespace, name))
    }

    /// The child with that name, if there is one; two of them are an error.
    pub(crate) fn child<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
    ) -> Result<Option<&'a Self>, XmlError> {
        let mut found = self.children(namespace, name);
        let first = found.next();
        if found.next().is_some() {
            return Err(XmlError::Refused("an element twice that may be there once"));
        }
        Ok(first)
    }

    /// Its text, without the blanks around it; an error if there are elements in it.
    pub(crate) fn text(&self) -> Result<&str, XmlError> {
        if self.children.is_empty() {
            Ok(self.text.trim_matches(BLANKS))
        } else {
            Err(XmlError::Refused("elements where only text belongs"))
        }
    }
}

/// White space (XML 1.0 §2.3).
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

#[derive(Default)]
struct Parser {
    open: Vec<Element>,
    root: Option<Element>,
    ids: BTreeSet<String>,
    elements: usize,
}

impl Parser {
    fn run(mut self, text: &str, bounds: Bounds) -> Result<Element, XmlError> {
        let mut reader = NsReader::from_str(text);
        reader.config_mut().check_comments = true;
        let mut first = true;
        loop {
            let event = reader.read_event().map_err(|_| XmlError::Malformed)?;
            match event {
                Event::Start(start) => {
                    let element = self.element(&reader, &start, bounds)?;
                    self.open.push(element);
                }
                Event::Empty(start) => {
                    let element = self.element(&reader, &start, bounds)?;
                    self.close(element)?;
                }
                Event::End(_) => {
                    let element = self.open.pop().ok_or(XmlError::Malformed)?;
                    self.close(element)?;
                }
                Event::Text(text) => self.text(&text.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref() {
                        Ok(Some(character)) => character,
                        Ok(None) => predefined(&reference)?,
                        Err(_) => return Err(XmlError::Malformed),
                    };
                    self.text(character.encode_utf8(&mut [0; 4]))?;
                }
                Event::Comment(_) => self.comment(),
                Event::Decl(declaration) => {
                    let utf8 = |name: &str| name.eq_ignore_ascii_case("utf-8");
                    let encoding =
                        declaration.encoding().transpose().map_err(|_| XmlError::Malformed)?;
                    if !first || !encoding.is_none_or(|name| utf8(&name)) {
                        return Err(XmlError::Malformed);
                    }
                }
                Event::DocType(_) => return Err(XmlError::Refused("a document type")),
                Event::CData(_) => return Err(XmlError::Refused("a CDATA section")),
                Event::PI(_) => return Err(XmlError::Refused("a processing instruction")),
                Event::Eof => break,
            }
            first = false;
        }
        if !self.open.is_empty() {
            return Err(XmlError::Malformed);
        }
        self.root.ok_or(XmlError::Malformed)
    }

    fn element(
        &mut self,
        reader: &NsReader<&[u8]>,
        start: &BytesStart<'_>,
        bounds: Bounds,
    ) -> Result<Element, XmlError> {
        self.elements += 1;
        if self.elements > bounds.elements || self.open.len() >= bounds.depth {
            return Err(XmlError::TooLarge);
        }
        if self.root.is_some() {
            return Err(XmlError::Malformed);
        }
        let (namespace, name) = reader.resolver().resolve_element(start.name());
        let mut element = Element {
            namespace: bound(&namespace)?,
            name: name.into_inner().to_owned(),
            ..Element::default()
        };
        let mut seen = BTreeSet::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| XmlError::Malformed)?;
            if is_declaration(attribute.key) {
                continue;
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|_| XmlError::Malformed)?.into_owned();
            legal(&value)?;
            let (namespace, name) = reader.resolver().resolve_attribute(attribute.key);
            let (namespace, name) = (bound(&namespace)?, name.into_inner().to_owned());
            if !seen.insert((namespace.clone(), name.clone())) {
                return Err(XmlError::Malformed);
            }
            if name.eq_ignore_ascii_case("id") && !self.ids.insert(value.clone()) {
                return Err(XmlError::Refused("an ID twice"));
            }
            if namespace.is_empty() {
                element.attributes.push((name, value));
            }
        }
        Ok(element)
    }

    fn close(&mut self, element: Element) -> Result<(), XmlError> {
        if element.commented && !element.text.trim_matches(BLANKS).is_empty() {
            return Err(XmlError::Refused("a comment in text"));
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None if self.root.is_none() => self.root = Some(element),
            None => return Err(XmlError::Malformed),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        legal(text)?;
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim_matches(BLANKS).is_empty() => (),
            None => return Err(XmlError::Malformed),
        }
        Ok(())
    }

    fn comment(&mut self) {
        if let Some(element) = self.open.last_mut() {
            element.commented = true;
        }
    }
}

fn bound(namespace: &ResolveResult<'_>) -> Result<String, XmlError> {
    match namespace {
        ResolveResult::Bound(namespace) => Ok(namespace.into_inner().to_owned()),
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Unknown(_) => Err(XmlError::Malformed),
    }
}

fn is_declaration(name: QName<'_>) -> bool {
    name.as_namespace_binding().is_some()
}

fn predefined(name: &str) -> Result<char, XmlError> {
    match name {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => Err(XmlError::Refused("an entity")),
    }
}

/// Only characters that XML 1.0 §2.2 knows.
fn legal(text: &str) -> Result<(), XmlError> {
    let known = |c: char| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.chars().all(known) { Ok(()) } else { Err(XmlError::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { size: 4096, elements: 20, depth: 5 };

    fn text(document: &str) -> Result<String, XmlError> {
        read(document.as_bytes(), BOUNDS)?.text().map(str::to_owned)
    }

    #[test]
    fn reads_names_in_their_namespaces_whatever_the_prefix() {
        let one = read(br#"<a:x xmlns:a="urn:n" k="1"><a:y/></a:x>"#, BOUNDS).unwrap();
        let other = read(br#"<x xmlns="urn:n" k="1"><y></y></x>"#, BOUNDS).unwrap();
        assert_eq!(one, other);
        assert!(one.is("urn:n", "x") && one.child("urn:n", "y").unwrap().is_some());
        assert_eq!(one.attribute("k"), Some("1"));
    }

    #[test]
    fn resolves_characters_and_the_five_entities_only() {
        assert_eq!(text("<x>a&amp;b&#x41;&lt;</x>").unwrap(), "a&bA<");
        assert_eq!(text("<x>&who;</x>"), Err(XmlError::Refused("an entity")));
        assert_eq!(text("<x k='&who;'/>"), Err(XmlError::Malformed));
        assert_eq!(text("<x>&#0;</x>"), Err(XmlError::Malformed));
    }

    #[test]
    fn refuses_document_types_and_what_hides_in_them() {
        let bomb = "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><x>&b;</x>";
        assert_eq!(text(bomb), Err(XmlError::Refused("a document type")));
        let file = "<!DOCTYPE x SYSTEM 'file:///etc/passwd'><x/>";
        assert_eq!(text(file), Err(XmlError::Refused("a document type")));
    }

    #[test]
    fn refuses_comments_in_text_and_what_else_splits_it() {
        assert_eq!(text("<x>admin<!-- -->@evil</x>"), Err(XmlError::Refused("a comment in text")));
        assert_eq!(text("<x><!-- -->admin</x>"), Err(XmlError::Refused("a comment in text")));
        assert_eq!(text("<x><![CDATA[admin]]></x>"), Err(XmlError::Refused("a CDATA section")));
        assert_eq!(text("<x>a<?p q?>b</x>"), Err(XmlError::Refused("a processing instruction")));
        assert_eq!(text("<!-- a licence --><x><!-- b --> </x>").unwrap(), "");
    }

    #[test]
    fn refuses_doubled_attributes_ids_and_elements() {
        assert_eq!(text("<x a='1' a='2'/>"), Err(XmlError::Malformed));
        let prefixed = "<x xmlns:a='urn:n' xmlns:b='urn:n' a:k='1' b:k='2'/>";
        assert_eq!(text(prefixed), Err(XmlError::Malformed));
        assert_eq!(text("<x ID='1'><y ID='1'/></x>"), Err(XmlError::Refused("an ID twice")));
        let twice = read(b"<x><y/><y/></x>", BOUNDS).unwrap();
        assert!(twice.child("", "y").is_err());
    }

    #[test]
    fn refuses_what_is_too_deep_too_rich_or_too_long() {
        let deep = "<x>".repeat(6) + &"</x>".repeat(6);
        let rich = format!("<x>{}</x>", "<y/>".repeat(20));
        let long = format!("<x>{}</x>", "a".repeat(4096));
        for document in [deep, rich, long] {
            assert_eq!(text(&document), Err(XmlError::TooLarge));
        }
    }

    #[test]
    fn refuses_what_is_not_one_document() {
        for document in [
            "",
            "x",
            "<x/><y/>",
            "<x/>y",
            "<x>",
            "</x>",
            "<x></y>",
            "<a:x/>",
            "<x><a:y/></x>",
            " <?xml version='1.0'?><x/>",
        ] {
            assert_eq!(text(document), Err(XmlError::Malformed), "{document}");
        }
        let latin = "<?xml version='1.0' encoding='ISO-8859-1'?><x/>";
        assert_eq!(text(latin), Err(XmlError::Malformed));
        assert_eq!(read(b"<x>\xff</x>", BOUNDS), Err(XmlError::Malformed));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(document in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = read(&document, BOUNDS);
        }

        #[test]
        fn never_panics_on_almost_xml(document in "(<[a-z:/!?&;#='\" -]{0,8}>?|[a-z&;<>]{0,4}){0,20}") {
            let _ = read(document.as_bytes(), BOUNDS);
        }
    }
}

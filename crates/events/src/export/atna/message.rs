//! The audit message (DICOM PS3.15 A.5.1), as XML.
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesStart, BytesText, Event as Xml};

use super::super::view::View;
use super::participants;
use crate::mapping::Code;

pub(super) type Document = Writer<Vec<u8>>;

/// The coding scheme of the type's own name.
const OWN_SCHEME: &str = "urn:imp:event";
/// DICOM's coding scheme (PS3.16 §8).
const DICOM_SCHEME: &str = "DCM";
/// A security server, such as a domain controller (PS3.15 A.5.1.2.1).
const SECURITY_SERVER: &str = "6";

/// The message, without any line break.
pub(super) fn audit_message(view: &View<'_>) -> Vec<u8> {
    let mut document = Writer::new(Vec::with_capacity(4096));
    // Writing to memory does not fail.
    let _written = write(&mut document, view);
    document.into_inner()
}

fn write(document: &mut Document, view: &View<'_>) -> io::Result<()> {
    document.write_event(Xml::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let message = BytesStart::new("AuditMessage");
    document.write_event(Xml::Start(message.borrow()))?;
    event(document, view)?;
    participants::write(document, view)?;
    source(document, view)?;
    participants::write_objects(document, view)?;
    document.write_event(Xml::End(message.to_end()))
}

fn event(document: &mut Document, view: &View<'_>) -> io::Result<()> {
    let audit = view.kind.export.audit;
    let at = view.at().to_string();
    let attributes = [
        ("EventActionCode", audit.action.code()),
        ("EventDateTime", &at),
        ("EventOutcomeIndicator", view.indicator().code()),
    ];
    let identification = start("EventIdentification", &attributes);
    document.write_event(Xml::Start(identification.borrow()))?;
    dicom(document, "EventID", audit.event)?;
    if let Some(kind) = audit.kind {
        dicom(document, "EventTypeCode", kind)?;
    }
    coded(document, "EventTypeCode", (view.kind.name, OWN_SCHEME, &view.title()))?;
    if let Some(reason) = view.reason() {
        let description = BytesStart::new("EventOutcomeDescription");
        document.write_event(Xml::Start(description.borrow()))?;
        document.write_event(Xml::Text(BytesText::new(&legible(&reason))))?;
        document.write_event(Xml::End(description.to_end()))?;
    }
    document.write_event(Xml::End(identification.to_end()))
}

fn source(document: &mut Document, view: &View<'_>) -> io::Result<()> {
    let id = view.source.server();
    let mut attributes = Vec::new();
    attributes.extend(view.source.site.as_deref().map(|site| ("AuditEnterpriseSiteID", site)));
    attributes.push(("AuditSourceID", &id));
    let source = start("AuditSourceIdentification", &attributes);
    document.write_event(Xml::Start(source.borrow()))?;
    document
        .write_event(Xml::Empty(start("AuditSourceTypeCode", &[("csd-code", SECURITY_SERVER)])))?;
    document.write_event(Xml::End(source.to_end()))
}

fn dicom(document: &mut Document, element: &str, code: Code) -> io::Result<()> {
    coded(document, element, (code.value, DICOM_SCHEME, code.meaning))
}

/// A coded value: code, scheme, meaning (PS3.15 A.5.1.1, `CodedValueType`).
pub(super) fn coded(
    document: &mut Document,
    element: &str,
    (code, scheme, meaning): (&str, &str, &str),
) -> io::Result<()> {
    document.write_event(Xml::Empty(start(
        element,
        &[
            ("csd-code", code),
            ("codeSystemName", scheme),
            ("displayName", meaning),
            ("originalText", meaning),
        ],
    )))
}

/// An element with attributes, escaped.
pub(super) fn start<'a>(name: &'a str, attributes: &[(&str, &str)]) -> BytesStart<'a> {
    let mut element = BytesStart::new(name);
    for (name, value) in attributes {
        element.push_attribute((*name, legible(value).as_str()));
    }
    element
}

/// XML 1.0 (§2.2) has no control characters, escaped or not; and a message is one line.
pub(super) fn legible(text: &str) -> String {
    let shown = |letter: char| match letter {
        '\t' | '\n' | '\r' => ' ',
        _ if letter.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&letter) => '\u{fffd}',
        _ => letter,
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_replaced_and_what_it_reads_is_escaped() {
        let mut document = Writer::new(Vec::new());
        let element = start("A", &[("b", "<&>\"'\u{0}\u{ffff}\r\n\u{e9}")]);
        document.write_event(Xml::Empty(element)).unwrap();
        let text = String::from_utf8(document.into_inner()).unwrap();
        assert_eq!(text, "<A b=\"&lt;&amp;&gt;&quot;&apos;\u{fffd}\u{fffd}  \u{e9}\"/>");
    }
}

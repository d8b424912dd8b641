//! Who took part, and what it was about.
use std::io;

use data_encoding::BASE64;
use imp_identity::name::Label;
use quick_xml::events::{BytesStart, BytesText, Event as Xml};

use super::super::view::{Party, View};
use super::message::{Document, coded, legible, start};
use crate::mapping::Action;

/// DICOM's roles of participants (PS3.16 CID 402).
const APPLICATION: (&str, &str, &str) = ("110150", "DCM", "Application");
const SOURCE: (&str, &str, &str) = ("110153", "DCM", "Source Role ID");
const DESTINATION: (&str, &str, &str) = ("110152", "DCM", "Destination Role ID");
/// How an object is identified (RFC 3881 §5.5.4).
const BY_USER: (&str, &str, &str) = ("11", "RFC-3881", "User Identifier");
const BY_URI: (&str, &str, &str) = ("12", "RFC-3881", "URI");
/// `NetworkAccessPointTypeCode`
const MACHINE_NAME: &str = "1";
const URI: &str = "5";
/// `ParticipantObjectTypeCode`
const PERSON: &str = "1";
const SYSTEM_OBJECT: &str = "2";
const OTHER: &str = "4";

/// The persons and machines that took part, and the server, which did in every event.
pub(super) fn write(document: &mut Document, view: &View<'_>) -> io::Result<()> {
    let mut parties = view.participants();
    if !parties.contains(&Party::Server) {
        parties.push(Party::Server);
    }
    parties.into_iter().try_for_each(|party| participant(document, view, party))
}

fn participant(document: &mut Document, view: &View<'_>, party: Party<'_>) -> io::Result<()> {
    let (id, uri) = (view.id(party), view.uri(party));
    let person = view.person(party);
    let mut attributes = vec![("UserID", id.as_str())];
    attributes.extend(person.map(|person| ("AlternativeUserID", person.username.as_str())));
    let name = match party {
        Party::Workstation(workstation) => view.names.workstation(workstation).map(Label::as_str),
        Party::User(_) => person.map(|person| person.display_name.as_str()),
        Party::Phone(_)
        | Party::Client(_)
        | Party::Device(_)
        | Party::Operator(_)
        | Party::Server => None,
    };
    attributes.extend(name.map(|name| ("UserName", name)));
    let requestor = if view.is_requestor(party) { "true" } else { "false" };
    attributes.push(("UserIsRequestor", requestor));
    let role = match party {
        Party::Workstation(_) | Party::Phone(_) | Party::Client(_) | Party::Device(_) => {
            attributes.push(("NetworkAccessPointID", &uri));
            attributes.push(("NetworkAccessPointTypeCode", URI));
            Some(SOURCE)
        }
        Party::Server => {
            attributes.push(("NetworkAccessPointID", &view.source.host));
            attributes.push(("NetworkAccessPointTypeCode", MACHINE_NAME));
            Some(if view.actor() == party { APPLICATION } else { DESTINATION })
        }
        Party::User(_) | Party::Operator(_) => None,
    };
    let element = start("ActiveParticipant", &attributes);
    let Some(role) = role else { return document.write_event(Xml::Empty(element)) };
    document.write_event(Xml::Start(element.borrow()))?;
    coded(document, "RoleIDCode", role)?;
    document.write_event(Xml::End(element.to_end()))
}

/// The object, whom and what else it concerns, and the entry of the log with everything that it says.
pub(super) fn write_objects(document: &mut Document, view: &View<'_>) -> io::Result<()> {
    if let Some(object) = view.object() {
        let stage = life_cycle(view.kind.export.audit.action);
        let element = identified(
            &object.id,
            SYSTEM_OBJECT,
            &[("ParticipantObjectTypeCodeRole", "13"), ("ParticipantObjectDataLifeCycle", stage)],
        );
        described(document, &element, (BY_URI, object.kind), &[])?;
    }
    for party in view.concerned() {
        concerned(document, view, party)?;
    }
    let id = view.entry_name(view.entry.index);
    let mut details = vec![
        ("index".to_owned(), view.entry.index.to_string()),
        ("event-id".to_owned(), view.entry.record.id.to_string()),
        ("event-type".to_owned(), view.kind.uri()),
    ];
    details.extend(view.facts());
    let element = identified(&id, OTHER, &[]);
    described(document, &element, (BY_URI, "entry of the log"), &details)
}

fn concerned(document: &mut Document, view: &View<'_>, party: Party<'_>) -> io::Result<()> {
    let name = view.name(party).unwrap_or(party.kind());
    if let Party::User(user) = party {
        let id = user.to_string();
        let element = identified(&id, PERSON, &[("ParticipantObjectTypeCodeRole", "11")]);
        return described(document, &element, (BY_USER, name), &[]);
    }
    let id = view.uri(party);
    let element = identified(&id, SYSTEM_OBJECT, &[("ParticipantObjectTypeCodeRole", "13")]);
    described(document, &element, (BY_URI, name), &[])
}

fn identified(id: &str, kind: &str, more: &[(&str, &str)]) -> BytesStart<'static> {
    let mut attributes = vec![("ParticipantObjectID", id), ("ParticipantObjectTypeCode", kind)];
    attributes.extend_from_slice(more);
    start("ParticipantObjectIdentification", &attributes)
}

/// The kind of identifier, the name, and details in base64, as the schema wants them.
fn described(
    document: &mut Document,
    element: &BytesStart<'_>,
    (identifier, name): ((&str, &str, &str), &str),
    details: &[(String, String)],
) -> io::Result<()> {
    document.write_event(Xml::Start(element.borrow()))?;
    coded(document, "ParticipantObjectIDTypeCode", identifier)?;
    let named = BytesStart::new("ParticipantObjectName");
    document.write_event(Xml::Start(named.borrow()))?;
    document.write_event(Xml::Text(BytesText::new(&legible(name))))?;
    document.write_event(Xml::End(named.to_end()))?;
    for (kind, value) in details {
        let value = BASE64.encode(value.as_bytes());
        document.write_event(Xml::Empty(start(
            "ParticipantObjectDetail",
            &[("type", kind), ("value", &value)],
        )))?;
    }
    document.write_event(Xml::End(element.to_end()))
}

/// `ParticipantObjectDataLifeCycle`: creation, access, amendment, logical deletion.
const fn life_cycle(action: Action) -> &'static str {
    match action {
        Action::Create => "1",
        Action::Update => "3",
        Action::Delete => "14",
        Action::Read | Action::Execute => "6",
    }
}

//! Every type of event, in every export format, before a parser that somebody else wrote.
use imp_events::export::{Export, Format, Mentioned, Names, Person, Source};
use imp_events::{Entry, catalogue, testing};
use imp_identity::Actor;
use imp_identity::name::Label;
use imp_tests::python::{self, Verdict};

/// Each sample, caused by everyone who can cause anything: a person, an operator, a machine, the server.
fn entries() -> Vec<Entry> {
    let samples = testing::samples();
    let actors: Vec<Actor> =
        samples.iter().take(5).map(|entry| entry.record.actor.clone()).collect();
    let by = |entry: &Entry, actor: &Actor| {
        let mut entry = entry.clone();
        entry.record.actor = actor.clone();
        entry
    };
    samples.iter().flat_map(|entry| actors.iter().map(move |actor| by(entry, actor))).collect()
}

fn source() -> Source {
    Source {
        trust_domain: "hospital.example".parse().unwrap(),
        host: "imp.hospital.example".to_owned(),
        site: Some("Ward <7> | \"B\" = C".to_owned()),
        version: "0.1.0".to_owned(),
    }
}

/// Names with everything that any of the formats has to escape.
fn names() -> Names {
    let mentioned = Mentioned::by(&entries());
    let label: Label = "=O'H\u{e4}ra, \"Ann\" <&|\\ x=1 \u{1f98a}".parse().unwrap();
    let person = || Person { username: "a.ohara".parse().unwrap(), display_name: label.clone() };
    Names::of_people(
        mentioned.users.into_iter().map(|user| (user, person())).collect(),
        mentioned.workstations.into_iter().map(|place| (place, label.clone())).collect(),
    )
}

fn document(format: Format, names: &Names) -> Vec<u8> {
    let source = source();
    let export = Export { format, source: &source, names };
    let mut document = export.head();
    for entry in entries() {
        document.extend(export.line(&entry));
    }
    document
}

fn judged(script: &str, document: &[u8]) -> Verdict {
    python::script(script, &[], document).unwrap()
}

/// With names and without, `script` accepts the document and tells every type in the catalogue; broken in the way that
/// `faults` say, it rejects it.
fn judge(script: &str, format: Format, faults: &[(&str, &str)]) -> String {
    let open = document(format, &names());
    let closed = document(format, &Names::default());
    for document in [&closed, &open] {
        let verdict = judged(script, document);
        assert!(verdict.accepted, "{script} rejects:\n{}", start(&verdict.said));
    }
    let text = String::from_utf8(open.clone()).unwrap();
    for (whole, broken) in faults {
        assert!(text.contains(whole), "{script}: nothing to damage with {whole:?}");
        let damaged = text.replacen(whole, broken, 1);
        let verdict = judged(script, damaged.as_bytes());
        assert!(!verdict.accepted, "{script} does not see {broken:?} instead of {whole:?}");
    }
    assert!(!judged(script, b"").accepted, "{script} accepts nothing at all");
    judged(script, &open).said
}

fn start(text: &str) -> String {
    text.lines().take(30).map(|line| line.chars().take(400).collect::<String>() + "\n").collect()
}

#[test]
fn fhir_audit_events_pass_the_models_the_invariants_and_the_profiles_they_claim() {
    let said = judge(
        "audit_event.py",
        Format::Fhir,
        &[
            // The models of FHIR R4B.
            ("\"recorded\":\"2026", "\"recorded\":\"26"),
            ("\"requestor\":true", "\"requestor\":\"perhaps\""),
            ("\"outcomeDesc\":", "\"outcomeDescription\":"),
            // A code outside of its required value set.
            ("\"action\":\"E\"", "\"action\":\"X\""),
            ("\"type\":\"5\"", "\"type\":\"6\""),
            // A profile that is claimed and not kept.
            ("IHE.BasicAudit.Create", "IHE.BasicAudit.Update"),
            ("IHE.BasicAudit.Create", "IHE.BasicAudit.PatientCreate"),
            ("\"code\":\"110152\"", "\"code\":\"110155\""),
            ("\"code\":\"24\"", "\"code\":\"4\""),
            ("\"code\":\"custodian\"", "\"code\":\"verifier\""),
            ("\"code\":\"110153\"", "\"code\":\"110154\""),
        ],
    );
    for profile in ["Create", "Update", "Delete", "Query"] {
        assert!(
            said.contains(&format!("IHE.BasicAudit.{profile}\n")),
            "nothing claims {profile}:\n{said}"
        );
    }
}

#[test]
fn atna_messages_pass_a_syslog_parser_and_the_schema_of_dicom() {
    let said = judge(
        "atna.py",
        Format::Atna,
        &[
            ("<85>1 ", "<85>"),
            ("<85>1 ", "<14>1 "),
            ("IHE+RFC-3881", "IHE-RFC-3881"),
            ("\u{feff}", ""),
            ("</AuditMessage>", ""),
            ("EventOutcomeIndicator=\"0\"", "EventOutcomeIndicator=\"1\""),
            ("originalText=", "original="),
            ("UserIsRequestor=\"true\"", "UserIsRequestor=\"maybe\""),
            ("&lt;", "<"),
            ("AuditSourceID=", "AuditSource="),
            ("csd-code=\"1101", "csd-code=\"2101"),
        ],
    );
    for kind in catalogue() {
        assert!(said.lines().any(|line| line == kind.name), "no message of {}", kind.name);
    }
}

#[test]
fn ocsf_events_pass_the_schema_of_the_framework() {
    let said = judge(
        "ocsf.py",
        Format::Ocsf,
        &[
            ("\"severity_id\":1", "\"severity_id\":77"),
            ("\"time\":", "\"moment\":"),
            ("\"type_uid\":3", "\"type_uid\":4"),
            ("\"class_uid\":3002", "\"class_uid\":3001"),
            ("\"version\":\"1.8.0\"", "\"version\":\"9.9.9\""),
            ("\"finding_info\":", "\"finding\":"),
            ("\"service\":", "\"servant\":"),
        ],
    );
    assert!(said.contains(&format!("{} events", entries().len())), "{said}");
}

#[test]
fn cef_events_are_read_by_one_parser_and_checked_by_another() {
    let said = judge(
        "cef.py",
        Format::Cef,
        &[
            ("CEF:0|", "CEV:0|"),
            ("|imp-server|", "||"),
            (" cn1=", " cn9="),
            (" externalId=", " externalId=0123456789"),
            (" dvchost=", " deviceHost="),
            ("|rt=", "|x="),
        ],
    );
    let read: serde_json::Value = serde_json::from_str(&said).unwrap();
    for (event, entry) in read.as_array().unwrap().iter().zip(entries()) {
        assert_eq!(event["DeviceEventClassID"], entry.record.event.name());
        assert_eq!(event["cn1"], entry.index.to_string());
        // What was escaped comes back whole.
        let details: serde_json::Value =
            serde_json::from_str(event["cs6"].as_str().unwrap()).unwrap();
        assert!(details.is_object());
    }
}

#[test]
fn csv_is_read_by_a_strict_parser_and_holds_no_formulas() {
    let damages = [
        ("index,event_id", "index;event_id"),
        ("\"\"", "\""),
        (",success,", ",=1+1,"),
        ("\r\n", "\n"),
    ];
    let said = judge("table.py", Format::Csv, &damages);
    let rows: serde_json::Value = serde_json::from_str(&said).unwrap();
    for (row, entry) in rows.as_array().unwrap().iter().zip(entries()) {
        assert_eq!(row["event_id"], entry.record.id.to_string());
        assert_eq!(row["type"], entry.record.event.name());
        if entry.record.event.user().is_some() {
            assert_eq!(row["user_name"], "'=O'H\u{e4}ra, \"Ann\" <&|\\ x=1 \u{1f98a}");
        }
    }
}

#[test]
fn what_is_exported_as_json_is_what_the_log_holds() {
    let names = names();
    let lines = document(Format::Json, &names);
    for (line, entry) in lines.split(|byte| *byte == b'\n').zip(entries()) {
        let read: serde_json::Value = serde_json::from_slice(line).unwrap();
        assert_eq!(read["index"], entry.index);
        assert_eq!(read["event"], serde_json::to_value(&entry.record.event).unwrap());
        assert_eq!(read["actor"], serde_json::to_value(&entry.record.actor).unwrap());
    }
}

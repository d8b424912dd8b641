//! What reviewing found, as the contract shows it.
use imp_api::{Base64, audit};
use imp_identity::case::{Case, State};

use crate::command::{CaseFile, KnownNames, Proven, Reviewed, SearchPage, Timeline};

/// An entry.
pub(crate) fn entry(entry: &Reviewed, names: &KnownNames) -> audit::Entry {
    audit::Entry {
        index: entry.index,
        at: entry.at,
        kind: entry.kind.clone(),
        type_uri: entry.record.as_ref().map(|record| record.event.type_uri()),
        sentence: entry.sentence(names),
        proof: format!("/v1/events/{}/proof", entry.index),
        record: entry.record.clone(),
    }
}

/// A page of entries.
pub(crate) fn events(page: &SearchPage) -> audit::Events {
    audit::Events {
        events: page.entries.iter().map(|found| entry(found, &page.names)).collect(),
        names: page.names.by_identifier(),
        next: page.next,
    }
}

/// A proof.
pub(crate) fn proof(proven: &Proven) -> audit::EventProof {
    let content = proven.entry.content.as_ref();
    audit::EventProof {
        record: content.map(|content| content.record.clone()),
        salt: content.map(|content| Base64(content.salt.to_vec())),
        commitment: Base64(proven.entry.commitment.to_vec()),
        index: proven.entry.index,
        proof: proven.proof.0.iter().map(|hash| Base64(hash.0.to_vec())).collect(),
        checkpoint: proven.checkpoint.clone(),
    }
}

/// A timeline.
pub(crate) fn timeline(timeline: &Timeline) -> audit::Timeline {
    let Timeline { from, until, groups, names, truncated } = timeline;
    let group = |group: &crate::command::Group| audit::Group {
        title: group.title.clone(),
        session: group.session.map(imp_identity::SessionId::as_uuid),
        events: group.entries.iter().map(|found| entry(found, names)).collect(),
    };
    audit::Timeline {
        from: *from,
        until: *until,
        groups: groups.iter().map(group).collect(),
        names: names.by_identifier(),
        truncated: *truncated,
    }
}

/// Where a case stands.
pub(crate) fn case(case: &Case) -> audit::Case {
    let (state, conclusion, reason) = match &case.state {
        State::Open => ("open", None, None),
        State::Closed { conclusion, reason, .. } => ("closed", Some(*conclusion), Some(reason)),
    };
    audit::Case {
        number: case.number,
        id: case.id,
        title: case.title.to_string(),
        state: state.to_owned(),
        opened_at: case.opened_at,
        changed_at: case.changed_at,
        user: case.user,
        workstation: case.workstation,
        assignee: case.assignee,
        conclusion,
        reason: reason.map(ToString::to_string),
        entries: case.entries.clone(),
    }
}

/// A case with its entries.
pub(crate) fn case_file(file: &CaseFile) -> audit::CaseFile {
    let entries =
        |found: &[Reviewed]| found.iter().map(|found| entry(found, &file.names)).collect();
    audit::CaseFile {
        case: case(&file.case),
        evidence: entries(&file.evidence),
        history: entries(&file.history),
        names: file.names.by_identifier(),
        proofs: file.proofs.as_ref().map(|proofs| proofs.iter().map(proof).collect()),
    }
}

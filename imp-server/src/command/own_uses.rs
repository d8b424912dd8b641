//! What the log holds about a person, for her own phone.
use std::collections::HashMap;

use imp_events::Question;
use imp_identity::event::Reading;
use imp_identity::phone::Phone;
use imp_identity::{Actor, Event, WorkstationId};
use imp_storage::{StorageError, Transaction};
use imp_translog::InclusionProof;

use super::Context;
use crate::log::{self, ProofRequestError};
use crate::store::{INVESTIGATIONS, OwnUsesPage, StoredEntry, Tables as _};

/// Most entries of one page: each has a proof.
const PAGE: u32 = imp_api::log::MOST_USES;

/// One entry with its proof.
#[derive(Clone, Debug)]
pub struct ProvenUse {
    /// The entry.
    pub stored: StoredEntry,
    /// The way from its leaf to the root.
    pub proof: InclusionProof,
    /// How the workstation is called now.
    pub workstation_label: Option<String>,
}

/// A page of a person's uses.
#[derive(Clone, Debug)]
pub struct OwnUses {
    /// Entries in the tree of which the proofs are.
    pub size: u64,
    /// In the log's order.
    pub uses: Vec<ProvenUse>,
    /// Whether there are more.
    pub more: bool,
}

/// The entries about the owner of `phone` after an index, in the tree of `size` entries: all there are unless said otherwise.
/// That she looked is an entry as well, one a look: the first page is.
pub(crate) async fn own_uses(
    context: &mut Context<'_>,
    phone: &Phone,
    size: Option<u64>,
    after: Option<u64>,
) -> Result<OwnUses, ProofRequestError> {
    let found = {
        let mut transaction = context.storage.read().await?;
        let key = context.log_key.verifier_key();
        let size = log::size_within(&mut transaction, key, size).await?;
        let page = OwnUsesPage {
            user: phone.user,
            phone: phone.id,
            from: after.map_or(0, |after| after.saturating_add(1)),
            until: size,
            asked: PAGE + 1,
        };
        let mut entries = transaction.entries().own(&page).await?;
        let more = entries.len() > PAGE as usize;
        entries.truncate(PAGE as usize);
        OwnUses { size, uses: prove(&mut transaction, entries, size).await?, more }
    };
    if after.is_none() {
        record_look(context, phone).await?;
    }
    Ok(found)
}

/// One entry in the tree of `size` entries, if it is about the owner of `phone`; one whose record was erased is about nobody and
/// shown to everybody. `None` without it.
pub(crate) async fn own_use(
    context: &Context<'_>,
    phone: &Phone,
    index: u64,
    size: Option<u64>,
) -> Result<Option<ProvenUse>, ProofRequestError> {
    let mut transaction = context.storage.read().await?;
    let size = log::size_within(&mut transaction, context.log_key.verifier_key(), size).await?;
    let Some(entry) = transaction.entries().find(index).await? else { return Ok(None) };
    if !is_hers(&entry, phone)? {
        return Ok(None);
    }
    Ok(prove(&mut transaction, vec![entry], size).await?.pop())
}

fn is_hers(entry: &StoredEntry, phone: &Phone) -> Result<bool, StorageError> {
    let Some(known) = entry.entry()? else { return Ok(true) };
    let event = &known.record.event;
    let hers = match event.user() {
        Some(user) => user == phone.user,
        None => event.device() == Some(phone.id.as_uuid()),
    };
    Ok(hers && !INVESTIGATIONS.contains(&event.name()))
}

async fn prove(
    transaction: &mut Transaction,
    entries: Vec<StoredEntry>,
    size: u64,
) -> Result<Vec<ProvenUse>, ProofRequestError> {
    let indexes: Vec<u64> = entries.iter().map(|entry| entry.index).collect();
    let proofs = log::inclusions(transaction, &indexes, size).await?;
    let mut labels = HashMap::new();
    let mut uses = Vec::with_capacity(entries.len());
    for (stored, proof) in entries.into_iter().zip(proofs) {
        let place = stored.entry()?.and_then(|known| known.record.event.workstation());
        let workstation_label = match place {
            Some(id) => label(transaction, &mut labels, id).await?,
            None => None,
        };
        uses.push(ProvenUse { stored, proof, workstation_label });
    }
    Ok(uses)
}

async fn label(
    transaction: &mut Transaction,
    known: &mut HashMap<WorkstationId, Option<String>>,
    id: WorkstationId,
) -> Result<Option<String>, StorageError> {
    if let Some(label) = known.get(&id) {
        return Ok(label.clone());
    }
    let workstation = transaction.workstations().find(id).await?;
    let label = workstation.map(|workstation| workstation.name.to_string());
    known.insert(id, label.clone());
    Ok(label)
}

async fn record_look(context: &mut Context<'_>, phone: &Phone) -> Result<(), StorageError> {
    let mut question = Question::everything();
    question.person = Some(phone.user);
    let event = Event::LogRead {
        means: Reading::Own,
        question: question.to_json(),
        user: Some(phone.user),
        workstation: None,
        case: None,
    };
    let mut transaction = context.storage.begin().await?;
    context.append(&mut transaction, &Actor::Phone(phone.id), event).await?;
    transaction.commit().await
}

//! Issuing a certificate to a device. Everything that asks for one ends here, and here alone it is decided whether, for what
//! names, for what use and for how long.
//!
//! The decision and the signature are made outside the turn to write, so that many are made at a time; within the turn it is
//! only checked that nothing changed, and the certificate is stored with the event that says so. Turns share a commit. The
//! certificate is answered after the commit: without its entry in the log, nobody has it.
use imp_identity::device::{Approval, Decision, Device, DeviceError, EnrolmentMeans, ServerName};
use imp_identity::spiffe::{Machine, SpiffeId};
use imp_identity::{Actor, ApprovalId, DeviceId, Digest, Event};
use imp_pki::{CertificateRequest, IssueError};
use imp_storage::{StorageError, Transaction};

use super::{Certificate, Context, Issuance};
use crate::ca::{DeviceOrder, Signed};
use crate::store::Tables as _;

mod refusal;
mod rules;

pub use refusal::IssueCertificateError;
use rules::Decided;

/// How often it is decided anew when the device is changed at the same time.
const TRIES: u32 = 3;
/// The most keys of a device that wait for a second person at a time, by each means.
const MOST_WAITING: usize = 5;

/// What a device asks for, and what was proven of it.
pub struct Order<'a> {
    /// Who it is, as the protocol has made sure.
    pub device: DeviceId,
    /// Its request, verified.
    pub request: &'a CertificateRequest,
    /// How it asks.
    pub means: EnrolmentMeans,
    /// DNS names and addresses for the certificate, which the protocol has proven or allows. The request may not ask for more.
    pub names: Vec<ServerName>,
    /// What the certificate is for; without it, what its class is given first.
    pub profile: Option<&'a str>,
}

/// A certificate, and what comes with it.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: imp_pki::Certificate,
    /// The issuing authority's certificate, then those by which other roots vouch for it; no root.
    pub chain: Vec<Vec<u8>>,
}

/// Issues a certificate, or says why not. A refusal is recorded; that it waits for a second person is, too.
pub async fn issue_certificate(
    context: &mut Context<'_>,
    actor: Actor,
    order: Order<'_>,
) -> Result<Issued, IssueCertificateError> {
    let issued = try_to_issue(context, &actor, &order).await;
    if let Err(error) = &issued
        && error.is_refusal()
    {
        let (means, reason) = (order.means, error.word().to_owned());
        let known = !matches!(error, IssueCertificateError::UnknownDevice);
        let device = known.then_some(order.device);
        let event = Event::DeviceEnrolmentRefused { device, means, reason };
        let mut transaction = context.storage.begin().await?;
        context.append(&mut transaction, &actor, event).await?;
        transaction.commit().await?;
    }
    issued
}

async fn try_to_issue(
    context: &mut Context<'_>,
    actor: &Actor,
    order: &Order<'_>,
) -> Result<Issued, IssueCertificateError> {
    let authority = context.authority.ok_or(IssueCertificateError::NoAuthority)?;
    for _ in 0..TRIES {
        let mut reading = context.storage.read().await?;
        let found = reading.devices().find(order.device).await?;
        let device = found.ok_or(IssueCertificateError::UnknownDevice)?;
        let spiffe_id = SpiffeId {
            trust_domain: context.trust_domain.clone(),
            machine: Machine::Device(order.device),
        };
        let decided = rules::decide(authority.rules, &device, order, &spiffe_id)?;
        // Machines know this server by its name.
        if decided.names.iter().any(|name| authority.keys.is_own_name(name)) {
            return Err(IssueCertificateError::UnregisteredName);
        }
        own_key(&mut reading, context, order, &spiffe_id).await?;
        drop(reading);
        if decided.needs_approval {
            approved(context, actor, order).await?;
        }
        let Decided { usage, names, lifetime, .. } = decided;
        let key = order.request.public_key();
        let wanted = DeviceOrder { id: spiffe_id.clone(), names, usage, key, lifetime };
        let (signed, partition) =
            authority.keys.issue_to_device(wanted, context.now, context.rng)?;
        let row = row(&signed, spiffe_id, usage.code(), partition, key.as_spki());
        if store(context, actor, &device, row, key.as_spki()).await? {
            let Signed { certificate, issuer } = signed;
            return Ok(Issued { certificate, chain: issuer.chain() });
        }
    }
    Err(IssueCertificateError::Changing)
}

/// A key is one machine's, and one that others may know is nobody's.
async fn own_key(
    reading: &mut Transaction,
    context: &Context<'_>,
    order: &Order<'_>,
    machine: &SpiffeId,
) -> Result<(), IssueCertificateError> {
    let key = order.request.public_key();
    let ours = context.authority.is_some_and(|authority| {
        authority.keys.issuers().iter().any(|it| it.certificate.public_key() == key)
            || authority.keys.root().public_key() == key
    });
    if ours || reading.certificates().is_key_of_another(machine, key.as_spki()).await? {
        return Err(IssueCertificateError::KeyReused);
    }
    if reading.certificates().is_compromised(&Digest::of(&[key.as_spki()])).await? {
        return Err(IssueCertificateError::KeyCompromised);
    }
    Ok(())
}

/// What is stored of a certificate.
pub(crate) fn row(
    signed: &Signed,
    spiffe_id: SpiffeId,
    profile: &str,
    partition: u32,
    spki: &[u8],
) -> Certificate {
    let certificate = &signed.certificate;
    Certificate {
        serial: certificate.serial().to_owned(),
        spiffe_id,
        expires_at: certificate.expires_at(),
        issuance: Some(Issuance {
            der: certificate.der().to_vec(),
            issuer: signed.issuer.digest,
            key: Digest::of(&[spki]),
            not_before: certificate.not_before(),
            profile: profile.to_owned(),
            partition,
        }),
        withdrawal: None,
    }
}

/// Stores a certificate and the event that says so, unless the device is no longer as it was; whether it did.
async fn store(
    context: &mut Context<'_>,
    actor: &Actor,
    decided: &Device,
    row: Certificate,
    spki: &[u8],
) -> Result<bool, IssueCertificateError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.devices().find(decided.id).await?;
    let device = found.ok_or(IssueCertificateError::UnknownDevice)?;
    if device != *decided {
        return Ok(false);
    }
    // Somebody may have been faster with the same key.
    if transaction.certificates().is_key_of_another(&row.spiffe_id, spki).await? {
        return Err(IssueCertificateError::KeyReused);
    }
    if transaction.certificates().is_compromised(&Digest::of(&[spki])).await? {
        return Err(IssueCertificateError::KeyCompromised);
    }
    transaction.certificates().add(&row).await?;
    let Certificate { serial, spiffe_id: machine, expires_at, .. } = row;
    if let (device, Some(event)) = device.enrol(context.now)? {
        transaction.devices().update(&device).await?;
        context.append(&mut transaction, actor, event).await?;
    }
    let event = Event::CertificateIssued { machine, serial, expires_at };
    context.append(&mut transaction, actor, event).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Whether a second person has approved; she is asked if nobody has asked her.
async fn approved(
    context: &mut Context<'_>,
    actor: &Actor,
    order: &Order<'_>,
) -> Result<(), IssueCertificateError> {
    let key = Digest::of(&[order.request.public_key().as_spki()]);
    let mut reading = context.storage.read().await?;
    if let Some(answer) = answered(&mut reading, context, order, key).await? {
        return answer;
    }
    drop(reading);
    let mut transaction = context.storage.begin().await?;
    if let Some(answer) = answered(&mut transaction, context, order, key).await? {
        return answer;
    }
    let id = ApprovalId::generate(context.now, &mut context.rng);
    let (approval, event) = Approval::request(id, order.device, order.means, key, context.now);
    transaction.approvals().add(&approval).await?;
    context.append(&mut transaction, actor, event).await?;
    transaction.commit().await?;
    Err(IssueCertificateError::AwaitingApproval(id))
}

/// What earlier requests of the device mean for this one; `None` when it must ask. An approval is for the key that was compared
/// and for the way in which it was asked; otherwise only while the device has a certificate that counts, which it renews.
async fn answered(
    transaction: &mut Transaction,
    context: &Context<'_>,
    order: &Order<'_>,
    key: Digest,
) -> Result<Option<Result<(), IssueCertificateError>>, StorageError> {
    let known = transaction.approvals().of(order.device).await?;
    let counting: Vec<_> = known.iter().filter(|it| it.counts(context.now)).collect();
    if counting.iter().any(|approval| approval.means == order.means && approval.key == key) {
        return Ok(Some(Ok(())));
    }
    // Whoever asks over ACME shows no certificate of the device: what was approved for other means says nothing of it.
    if counting.iter().any(|it| order.means != EnrolmentMeans::Acme || it.means == order.means) {
        let own = transaction.certificates().of_device(order.device, context.now).await?;
        if own.iter().any(|certificate| certificate.withdrawal.is_none()) {
            return Ok(Some(Ok(())));
        }
    }
    // Each key has a request of its own: else whoever asks first with a stolen credential would hold up the device itself.
    let asked: Vec<_> = known.iter().filter(|it| it.means == order.means).collect();
    let waiting = || asked.iter().filter(|it| matches!(it.decision, Decision::Open));
    Ok(match asked.iter().find(|it| it.key == key) {
        Some(Approval { decision: Decision::Open, id, .. }) => {
            Some(Err(IssueCertificateError::AwaitingApproval(*id)))
        }
        Some(Approval { decision: Decision::Rejected { .. }, .. }) => {
            Some(Err(IssueCertificateError::Rejected))
        }
        Some(Approval { decision: Decision::Approved { .. }, .. }) | None => {
            match waiting().next_back() {
                Some(oldest) if waiting().count() >= MOST_WAITING => {
                    Some(Err(IssueCertificateError::AwaitingApproval(oldest.id)))
                }
                Some(_) | None => None,
            }
        }
    })
}

impl From<DeviceError> for IssueCertificateError {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::Retired => Self::Retired,
            DeviceError::Held
            | DeviceError::Already
            | DeviceError::Class
            | DeviceError::ClassFixed
            | DeviceError::Names => Self::Held,
        }
    }
}

impl From<IssueError> for IssueCertificateError {
    fn from(error: IssueError) -> Self {
        Self::Issue(error)
    }
}

impl From<StorageError> for IssueCertificateError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

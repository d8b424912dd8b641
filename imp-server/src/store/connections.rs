//! `connection_policies`, `connection_proposals`, and the machines that the policy speaks of
use imp_connection::{Member, Policy, Proposed};
use imp_identity::clock::to_micros;
use imp_identity::device::DeviceClass;
use imp_identity::spiffe::{Machine, SpiffeId, TrustDomain};
use imp_identity::{Actor, ConnectionProposalId, DeviceId};
use imp_storage::{StorageError, Transaction, limit, on};
use jiff::Timestamp;
use uuid::Uuid;

use super::value::{corrupt, instant, text};

/// Versions of the connection policy, and proposals for the next.
#[derive(Debug)]
pub struct Connections<'a>(pub(super) &'a mut Transaction);

/// A version of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPolicy {
    /// The rules.
    pub policy: Policy,
    /// Who put it in force; nobody did before the first.
    pub changed: Option<(Actor, Timestamp)>,
}

/// Rules that were learned, and what became of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredProposal {
    /// Names it.
    pub id: ConnectionProposalId,
    /// The version that lacks them.
    pub base: u32,
    /// The rules with what speaks for them.
    pub rules: Vec<Proposed>,
    /// How much was seen for which nothing is proposed.
    pub left_out: u64,
    /// Who asked for them.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// What somebody else said to them.
    pub verdict: Option<Verdict>,
}

/// What somebody said to a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// The version that has the rules; `None` when they were rejected.
    pub version: Option<u32>,
    /// Why they were rejected.
    pub remark: Option<String>,
}

#[derive(Debug, sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
struct PolicyRow {
    policy_document: String,
    policy_changed_by: String,
    policy_changed_at: i64,
}

#[derive(Debug, sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
struct ProposalRow {
    proposal_id: Uuid,
    proposal_base: i64,
    proposal_document: String,
    proposal_left_out: i64,
    proposal_by: String,
    proposal_at: i64,
    proposal_decided_by: Option<String>,
    proposal_decided_at: Option<i64>,
    proposal_version: Option<i64>,
    proposal_remark: Option<String>,
}

#[derive(Debug, sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
struct DeviceRow {
    device_id: Uuid,
    device_class: String,
    device_unit: Option<String>,
    device_zone: Option<String>,
}

#[derive(Debug, sqlx::FromRow)]
struct DeskRow {
    workstation_id: Uuid,
    workstation_unit: Option<String>,
}

impl TryFrom<PolicyRow> for StoredPolicy {
    type Error = StorageError;

    fn try_from(row: PolicyRow) -> Result<Self, StorageError> {
        let policy = Policy::parse(row.policy_document.as_bytes())
            .map_err(|_| corrupt("connection_policies.policy_document"))?;
        let by = actor("connection_policies.policy_changed_by", &row.policy_changed_by)?;
        let at = instant("connection_policies.policy_changed_at", row.policy_changed_at)?;
        Ok(Self { policy, changed: Some((by, at)) })
    }
}

impl TryFrom<ProposalRow> for StoredProposal {
    type Error = StorageError;

    fn try_from(row: ProposalRow) -> Result<Self, StorageError> {
        let verdict = match (&row.proposal_decided_by, row.proposal_decided_at) {
            (Some(by), Some(at)) => Some(Verdict {
                by: actor("connection_proposals.proposal_decided_by", by)?,
                at: instant("connection_proposals.proposal_decided_at", at)?,
                version: row.proposal_version.map(version).transpose()?,
                remark: row.proposal_remark,
            }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(corrupt("connection_proposals.proposal_decided_by"));
            }
        };
        Ok(Self {
            id: row.proposal_id.into(),
            base: version(row.proposal_base)?,
            rules: serde_json::from_str(&row.proposal_document)
                .map_err(|_| corrupt("connection_proposals.proposal_document"))?,
            left_out: u64::try_from(row.proposal_left_out)
                .map_err(|_| corrupt("connection_proposals.proposal_left_out"))?,
            by: actor("connection_proposals.proposal_by", &row.proposal_by)?,
            at: instant("connection_proposals.proposal_at", row.proposal_at)?,
            verdict,
        })
    }
}

fn actor(what: &'static str, stored: &str) -> Result<Actor, StorageError> {
    serde_json::from_str(stored).map_err(|_| corrupt(what))
}

fn written(what: &'static str, value: &impl serde::Serialize) -> Result<String, StorageError> {
    serde_json::to_string(value).map_err(|_| corrupt(what))
}

fn version(column: i64) -> Result<u32, StorageError> {
    u32::try_from(column).map_err(|_| corrupt("connection_policies.policy_version"))
}

impl Connections<'_> {
    /// The policy in force; without any, the empty one, by which nothing is expected.
    pub async fn current(&mut self) -> Result<StoredPolicy, StorageError> {
        const SQL: &str = "SELECT policy_document, policy_changed_by, policy_changed_at \
            FROM connection_policies ORDER BY policy_version DESC LIMIT 1";
        let row: Option<PolicyRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).fetch_optional(conn).await?);
        let nobodys = StoredPolicy { policy: Policy::empty(), changed: None };
        row.map_or(Ok(nobodys), StoredPolicy::try_from)
    }

    /// A version of the policy.
    pub async fn version(&mut self, number: u32) -> Result<Option<StoredPolicy>, StorageError> {
        const SQL: &str = "SELECT policy_document, policy_changed_by, policy_changed_at \
            FROM connection_policies WHERE policy_version = $1";
        let row: Option<PolicyRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(i64::from(number))
            .fetch_optional(conn)
            .await?);
        row.map(StoredPolicy::try_from).transpose()
    }

    /// Puts a policy in force; a unique violation when its version exists.
    pub async fn add(
        &mut self,
        policy: &Policy,
        by: &Actor,
        at: Timestamp,
    ) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO connection_policies (policy_version, policy_document, \
            policy_changed_by, policy_changed_at) VALUES ($1, $2, $3, $4)";
        let by = written("connection_policies.policy_changed_by", by)?;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(i64::from(policy.version()))
            .bind(policy.document())
            .bind(&by)
            .bind(to_micros(at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Adds a proposal that nobody has decided.
    pub async fn propose(&mut self, proposal: &StoredProposal) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO connection_proposals (proposal_id, proposal_base, \
            proposal_document, proposal_left_out, proposal_by, proposal_at) \
            VALUES ($1, $2, $3, $4, $5, $6)";
        let document = written("connection_proposals.proposal_document", &proposal.rules)?;
        let by = written("connection_proposals.proposal_by", &proposal.by)?;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(proposal.id.as_uuid())
            .bind(i64::from(proposal.base))
            .bind(&document)
            .bind(i64::try_from(proposal.left_out).unwrap_or(i64::MAX))
            .bind(&by)
            .bind(to_micros(proposal.at))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores what somebody said to a proposal.
    pub async fn decide(
        &mut self,
        id: ConnectionProposalId,
        verdict: &Verdict,
    ) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE connection_proposals SET proposal_decided_by = $2, \
            proposal_decided_at = $3, proposal_version = $4, proposal_remark = $5 \
            WHERE proposal_id = $1";
        let by = written("connection_proposals.proposal_decided_by", &verdict.by)?;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(&by)
            .bind(to_micros(verdict.at))
            .bind(verdict.version.map(i64::from))
            .bind(verdict.remark.as_deref())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One proposal.
    pub async fn proposal(
        &mut self,
        id: ConnectionProposalId,
    ) -> Result<Option<StoredProposal>, StorageError> {
        const SQL: &str = "SELECT * FROM connection_proposals WHERE proposal_id = $1";
        let row: Option<ProposalRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(StoredProposal::try_from).transpose()
    }

    /// The latest proposals, latest first.
    pub async fn proposals(&mut self, asked: u32) -> Result<Vec<StoredProposal>, StorageError> {
        const SQL: &str = "SELECT * FROM connection_proposals ORDER BY proposal_id DESC LIMIT $1";
        let rows: Vec<ProposalRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(limit(asked)).fetch_all(conn).await?);
        rows.into_iter().map(StoredProposal::try_from).collect()
    }

    /// How many proposals nobody has decided.
    pub async fn undecided(&mut self) -> Result<i64, StorageError> {
        const SQL: &str =
            "SELECT COUNT(*) FROM connection_proposals WHERE proposal_decided_at IS NULL";
        Ok(on!(self.0, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await?))
    }

    /// The number of entries of the log up to the last that changes who is expected where; 0 without one.
    pub async fn reflects(&mut self) -> Result<u64, StorageError> {
        // One look into the index for each kind.
        const SQL: &str = "SELECT COALESCE(MAX(last) + 1, 0) FROM ( \
            SELECT MAX(log_index) AS last FROM entries WHERE kind = 'connection-policy-changed' \
            UNION ALL SELECT MAX(log_index) FROM entries WHERE kind = 'device-changed' \
            UNION ALL SELECT MAX(log_index) FROM entries WHERE kind = 'device-state-changed' \
            UNION ALL SELECT MAX(log_index) FROM entries WHERE kind = 'workstation-invited' \
            UNION ALL SELECT MAX(log_index) FROM entries WHERE kind = 'workstation-moved' \
            UNION ALL SELECT MAX(log_index) FROM entries WHERE kind = 'workstation-revoked' \
            ) AS lasts";
        let last: i64 = on!(self.0, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await?);
        u64::try_from(last).map_err(|_| corrupt("entries.log_index"))
    }

    /// The machines in use: devices that are active, and workstations of which more is known than their class.
    pub async fn members(&mut self, domain: &TrustDomain) -> Result<Vec<Member>, StorageError> {
        const DEVICES: &str = "SELECT device_id, device_class, device_unit, device_zone \
            FROM devices WHERE device_state = 'active'";
        const DESKS: &str = "SELECT workstation_id, workstation_unit FROM workstations \
            WHERE workstation_unit IS NOT NULL AND workstation_revoked_at IS NULL";
        let named = |machine| SpiffeId { trust_domain: domain.clone(), machine };
        let devices: Vec<DeviceRow> =
            on!(&mut *self.0, |conn| sqlx::query_as(DEVICES).fetch_all(conn).await?);
        let desks: Vec<DeskRow> =
            on!(&mut *self.0, |conn| sqlx::query_as(DESKS).fetch_all(conn).await?);
        let mut members = Vec::with_capacity(devices.len() + desks.len());
        for row in devices {
            members.push(Member {
                machine: named(Machine::Device(row.device_id.into())),
                class: text("devices.device_class", &row.device_class)?,
                unit: row.device_unit,
                zone: row.device_zone,
            });
        }
        members.extend(desks.into_iter().map(|row| Member {
            machine: named(Machine::Workstation(row.workstation_id.into())),
            class: DeviceClass::Workstation,
            unit: row.workstation_unit,
            zone: None,
        }));
        Ok(members)
    }

    /// The devices that have names on the network, by name.
    pub async fn hosts(&mut self) -> Result<Vec<(String, DeviceId)>, StorageError> {
        const SQL: &str = "SELECT device_host, device_id FROM device_hosts ORDER BY device_host";
        let rows: Vec<(String, Uuid)> =
            on!(self.0, |conn| sqlx::query_as(SQL).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(host, device)| (host, device.into())).collect())
    }
}

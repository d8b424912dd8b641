//! Everything that a submitted tap is judged by, in one query.
use imp_identity::attempts::Attempts;
use imp_identity::challenge::Challenge;
use imp_identity::phone::Phone;
use imp_identity::policy::Policy;
use imp_identity::reference::Reference;
use imp_identity::user::User;
use imp_identity::workstation::Workstation;
use imp_identity::{PhoneId, TapId, WorkstationId};
use imp_storage::{StorageError, on};
use uuid::Uuid;

use super::attempts::attempts;
use super::challenges::{Answer, ChallengeRow, Challenges};
use super::phones::{PhoneRow, Phones};
use super::policies::parse;
use super::references::ActiveReferenceRow;
use super::users::UserRow;
use super::workstations::WorkstationRow;

/// Who, where, with what, and under which policy.
#[derive(Clone, Debug)]
pub struct TapKnowledge {
    /// The workstation that asks or submits.
    pub workstation: Workstation,
    /// The phone.
    pub phone: Phone,
    /// Its user.
    pub user: User,
    /// The active reference on the phone.
    pub reference: Option<Reference>,
    /// The user's failed comparisons.
    pub attempts: Attempts,
    /// The policy in force.
    pub policy: Policy,
}

#[derive(Debug, sqlx::FromRow)]
struct KnowledgeRow {
    #[sqlx(flatten)]
    workstation: WorkstationRow,
    #[sqlx(flatten)]
    phone: PhoneRow,
    #[sqlx(flatten)]
    user: UserRow,
    #[sqlx(flatten)]
    reference: ActiveReferenceRow,
    failures: Option<i64>,
    wait_until: Option<i64>,
    policy_document: Option<String>,
}

#[derive(Debug, sqlx::FromRow)]
struct SubmissionRow {
    #[sqlx(flatten)]
    challenge: ChallengeRow,
    #[sqlx(flatten)]
    knowledge: KnowledgeRow,
}

impl TryFrom<KnowledgeRow> for TapKnowledge {
    type Error = StorageError;

    fn try_from(row: KnowledgeRow) -> Result<Self, StorageError> {
        let user: User = row.user.try_into()?;
        let phone: Phone = row.phone.try_into()?;
        Ok(Self {
            workstation: row.workstation.try_into()?,
            reference: row.reference.reference(user.id, phone.id)?,
            attempts: attempts(user.id, row.failures, row.wait_until)?,
            policy: parse(row.policy_document.as_deref())?,
            phone,
            user,
        })
    }
}

/// The columns and the joins from a phone on; `$from` comes before and binds the phone.
macro_rules! knowledge_sql {
    ($columns:literal, $from:literal) => {
        concat!(
            "SELECT ",
            $columns,
            "w.*, p.*, u.*, r.reference_id, r.reference_digest, r.reference_model_set, \
             r.enrolment_id, r.officer_id, r.reference_enrolled_at, r.reference_expires_at, \
             a.failures, a.wait_until, \
             (SELECT document FROM policies ORDER BY version DESC LIMIT 1) AS policy_document ",
            $from,
            " JOIN users u ON u.user_id = p.user_id \
             LEFT JOIN biometric_references r ON r.phone_id = p.phone_id AND r.reference_active \
             LEFT JOIN attempts a ON a.user_id = u.user_id"
        )
    };
}

impl Phones<'_> {
    /// What is known when a tap is opened at a workstation; `None` unless both the workstation and the phone exist.
    pub async fn knowledge(
        &mut self,
        workstation: WorkstationId,
        phone: PhoneId,
    ) -> Result<Option<TapKnowledge>, StorageError> {
        const SQL: &str = knowledge_sql!(
            "",
            "FROM workstations w JOIN phones p ON w.workstation_id = $1 AND p.phone_id = $2"
        );
        let row: Option<KnowledgeRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(workstation.as_uuid())
            .bind(phone.as_uuid())
            .fetch_optional(conn)
            .await?);
        row.map(TapKnowledge::try_from).transpose()
    }
}

impl Challenges<'_> {
    /// What is known when a tap is submitted by a workstation, with its challenge and how that was answered before.
    /// The challenge may be another workstation's.
    pub async fn knowledge(
        &mut self,
        tap: TapId,
        workstation: WorkstationId,
    ) -> Result<Option<(Challenge, Option<Answer>, TapKnowledge)>, StorageError> {
        const SQL: &str = knowledge_sql!(
            "c.*, ",
            "FROM challenges c JOIN workstations w ON c.tap_id = $1 AND w.workstation_id = $2 \
             JOIN phones p ON p.phone_id = c.challenge_phone_id"
        );
        let ids: [Uuid; 2] = [tap.as_uuid(), workstation.as_uuid()];
        let row: Option<SubmissionRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(ids[0])
            .bind(ids[1])
            .fetch_optional(conn)
            .await?);
        row.map(|mut row| {
            let answer = row.challenge.answer()?;
            Ok((row.challenge.try_into()?, answer, row.knowledge.try_into()?))
        })
        .transpose()
    }
}

//! What identifiers are called, looked up for many at a time.
use std::collections::HashMap;

use imp_events::export::Person;
use imp_identity::name::Label;
use imp_identity::{CaseId, UserId, WorkstationId};
use imp_storage::{StorageError, Transaction, on};
use uuid::Uuid;

use super::value::{corrupt, text};

/// Names of people, workstations and cases.
#[derive(Debug)]
pub struct Named<'a>(pub(super) &'a mut Transaction);

/// How many are asked for at a time: the number of parameters of the questions.
const AT_ONCE: usize = 32;

/// A question about at most [`AT_ONCE`] identifiers.
macro_rules! of_many {
    ($begin:literal) => {
        concat!(
            $begin,
            " IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
             $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)"
        )
    };
}

/// Asks for all of them, [`AT_ONCE`] at a time; the last fills the parameters that are left.
macro_rules! ask {
    ($transaction:expr, $sql:expr, $ids:expr, $row:ty) => {{
        let mut rows: Vec<$row> = vec![];
        for ids in $ids.chunks(AT_ONCE) {
            let Some(last) = ids.last() else { continue };
            let filled = ids.iter().chain(std::iter::repeat(last)).take(AT_ONCE);
            rows.extend(on!(&mut *$transaction, |conn| {
                let mut query = sqlx::query_as::<_, $row>($sql);
                for id in filled {
                    query = query.bind(*id);
                }
                query.fetch_all(conn).await?
            }));
        }
        rows
    }};
}

impl Named<'_> {
    /// People's names. Unknown identifiers are passed over.
    pub async fn people(
        &mut self,
        users: impl IntoIterator<Item = UserId>,
    ) -> Result<HashMap<UserId, Person>, StorageError> {
        const SQL: &str = of_many!(
            "SELECT user_id, COALESCE(former_username, username), display_name \
             FROM users WHERE user_id"
        );
        let ids: Vec<Uuid> = users.into_iter().map(UserId::as_uuid).collect();
        let rows = ask!(self.0, SQL, ids, (Uuid, String, String));
        let person = |(id, username, display_name): (Uuid, String, String)| {
            let username = text("users.username", &username)?;
            let display_name = text("users.display_name", &display_name)?;
            Ok((UserId::from(id), Person { username, display_name }))
        };
        rows.into_iter().map(person).collect()
    }

    /// Workstations' names. Unknown identifiers are passed over.
    pub async fn workstations(
        &mut self,
        workstations: impl IntoIterator<Item = WorkstationId>,
    ) -> Result<HashMap<WorkstationId, Label>, StorageError> {
        const SQL: &str = of_many!(
            "SELECT workstation_id, workstation_name FROM workstations WHERE workstation_id"
        );
        let ids: Vec<Uuid> = workstations.into_iter().map(WorkstationId::as_uuid).collect();
        let rows = ask!(self.0, SQL, ids, (Uuid, String));
        let named = |(id, name): (Uuid, String)| {
            Ok((WorkstationId::from(id), text("workstations.workstation_name", &name)?))
        };
        rows.into_iter().map(named).collect()
    }

    /// The workstations of a name, at most two: who asks for one must know whether there are more.
    pub async fn workstations_called(
        &mut self,
        name: &str,
    ) -> Result<Vec<WorkstationId>, StorageError> {
        const SQL: &str =
            "SELECT workstation_id FROM workstations WHERE workstation_name = $1 LIMIT 2";
        let ids: Vec<Uuid> =
            on!(&mut *self.0, |conn| sqlx::query_scalar(SQL).bind(name).fetch_all(conn).await?);
        Ok(ids.into_iter().map(WorkstationId::from).collect())
    }

    /// The numbers of cases. Unknown identifiers are passed over.
    pub async fn cases(
        &mut self,
        cases: impl IntoIterator<Item = CaseId>,
    ) -> Result<HashMap<CaseId, u64>, StorageError> {
        const SQL: &str = of_many!("SELECT case_id, case_number FROM cases WHERE case_id");
        let ids: Vec<Uuid> = cases.into_iter().map(CaseId::as_uuid).collect();
        let rows = ask!(self.0, SQL, ids, (Uuid, i64));
        let numbered = |(id, number): (Uuid, i64)| {
            let number = u64::try_from(number).map_err(|_| corrupt("cases.case_number"))?;
            Ok((CaseId::from(id), number))
        };
        rows.into_iter().map(numbered).collect()
    }
}

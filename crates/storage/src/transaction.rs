//! Transactions on either database.
use std::mem::take;

use sqlx::{PgConnection, SqliteConnection};
use tokio::sync::oneshot;

use crate::carried::{Carried, Luggage};
use crate::error::StorageError;
use crate::group::{Returned, Seat};

/// A transaction; rolled back unless committed. One that writes is a member of a group: see [`crate::Storage::begin`].
#[derive(Debug)]
pub struct Transaction(Form);

#[derive(Debug)]
enum Form {
    /// Reads in SQLite.
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    /// Reads in PostgreSQL.
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
    /// Writes.
    Member(Member),
}

/// What a member was lent; it goes home when the member ends, however it ends.
#[derive(Debug)]
struct Member {
    seat: Seat,
    luggage: Luggage,
    home: Option<oneshot::Sender<Returned>>,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.go_home(None);
    }
}

impl Member {
    fn go_home(&mut self, commit: Option<oneshot::Sender<Result<(), StorageError>>>) {
        if let Some(home) = self.home.take() {
            let (seat, luggage) = (take(&mut self.seat), take(&mut self.luggage));
            // Without a home, at the end of the runtime, the connection is closed.
            drop(home.send(Returned { seat, luggage, commit }));
        }
    }
}

/// The connection of a [`Transaction`], for [`on!`](crate::on).
#[derive(Debug)]
pub enum Connection<'a> {
    /// To SQLite.
    Sqlite(&'a mut SqliteConnection),
    /// To PostgreSQL.
    Postgres(&'a mut PgConnection),
}

impl Transaction {
    pub(crate) const fn read_sqlite(transaction: sqlx::Transaction<'static, sqlx::Sqlite>) -> Self {
        Self(Form::Sqlite(transaction))
    }

    pub(crate) const fn read_postgres(
        transaction: sqlx::Transaction<'static, sqlx::Postgres>,
    ) -> Self {
        Self(Form::Postgres(transaction))
    }

    pub(crate) const fn lend(
        seat: Seat,
        luggage: Luggage,
        home: oneshot::Sender<Returned>,
    ) -> Self {
        Self(Form::Member(Member { seat, luggage, home: Some(home) }))
    }

    /// For what a group carries, after its last member.
    pub(crate) fn store(seat: Seat) -> Self {
        Self(Form::Member(Member { seat, luggage: Luggage::default(), home: None }))
    }

    pub(crate) fn into_seat(mut self) -> Seat {
        match &mut self.0 {
            Form::Member(member) => take(&mut member.seat),
            Form::Sqlite(_) | Form::Postgres(_) => Seat::default(),
        }
    }

    /// Makes the changes last: they have reached the disk when this returns, together with those of the other members of
    /// the group. If the future is dropped, they may last or not.
    pub async fn commit(self) -> Result<(), StorageError> {
        match self.0 {
            Form::Sqlite(transaction) => transaction.commit().await?,
            Form::Postgres(transaction) => transaction.commit().await?,
            Form::Member(mut member) => {
                let (tell, told) = oneshot::channel();
                member.go_home(Some(tell));
                told.await.map_err(|_| StorageError::Closed)??;
            }
        }
        Ok(())
    }

    /// The connection, for [`on!`](crate::on).
    pub fn connection(&mut self) -> Connection<'_> {
        match &mut self.0 {
            Form::Sqlite(transaction) => Connection::Sqlite(transaction),
            Form::Postgres(transaction) => Connection::Postgres(transaction),
            Form::Member(member) => member.seat.connection(),
        }
    }

    fn luggage(&mut self) -> Option<&mut Luggage> {
        match &mut self.0 {
            Form::Sqlite(_) | Form::Postgres(_) => None,
            Form::Member(member) => Some(&mut member.luggage),
        }
    }

    /// What an earlier member of the group, or this one, hands on.
    pub fn carried<T: Carried>(&mut self) -> Option<&mut T> {
        self.luggage()?.find()
    }

    /// Hands `value` on to the later members of the group, instead of another of its type. A transaction that only reads
    /// has no group and drops it.
    pub fn carry<T: Carried>(&mut self, value: T) {
        if let Some(luggage) = self.luggage() {
            luggage.put(value);
        }
    }

    /// Takes back what is carried. If it came from earlier members and this one rolls back without having carried it again, the
    /// whole group fails: keep no `await` in between that may not return.
    pub fn uncarry<T: Carried>(&mut self) -> Option<T> {
        self.luggage()?.take()
    }
}

/// Runs one query text on whichever database a [`Transaction`] is in: the query is compiled once for each, and a
/// text that fits only one fails in the tests.
///
/// ```ignore
/// Ok(on!(self.0, |conn| sqlx::query_as(SQL).bind(id).fetch_optional(conn).await?))
/// ```
#[macro_export]
macro_rules! on {
    ($transaction:expr, |$conn:ident| $query:expr) => {
        match $crate::Transaction::connection($transaction) {
            $crate::Connection::Sqlite($conn) => $query,
            $crate::Connection::Postgres($conn) => $query,
        }
    };
}

//! `visits`
use imp_identity::{ClientId, SessionId, SignOnId, UserId};
use imp_saml::NameIdFormat;
use imp_storage::{StorageError, Transaction, on};
use uuid::Uuid;

use super::value::corrupt;

/// Which applications know of a sign-on.
#[derive(Debug)]
pub struct Visits<'a>(pub(super) &'a mut Transaction);

/// An application to which a browser was signed on: it is to be told when that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// In which browser.
    pub sign_on: SignOnId,
    /// To which application.
    pub client: ClientId,
    /// What it calls the user and the sign-on.
    pub known: KnownAs,
}

/// What an application calls a user and her sign-on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAs {
    /// `sub`, or the value of a `NameID`.
    pub subject: String,
    /// `sid`, or a `SessionIndex`.
    pub session: String,
    /// The format of the name, for applications that speak SAML.
    pub format: Option<NameIdFormat>,
}

impl KnownAs {
    /// As it is stored.
    pub(super) fn format_code(&self) -> Option<String> {
        self.format.map(|format| format.to_string())
    }

    /// Reads the columns, which `logouts` has as well.
    pub(super) fn open(
        subject: String,
        session: String,
        format: Option<String>,
    ) -> Result<Self, StorageError> {
        let format = match format {
            Some(code) => Some(
                NameIdFormat::ALL
                    .into_iter()
                    .find(|format| format.to_string() == code)
                    .ok_or(corrupt("visits.name_format"))?,
            ),
            None => None,
        };
        Ok(Self { subject, session, format })
    }
}

#[derive(sqlx::FromRow)]
struct VisitRow {
    sign_on_id: Uuid,
    client_id: Uuid,
    user_id: Uuid,
    visit_subject: String,
    visit_session: String,
    name_format: Option<String>,
}

impl TryFrom<VisitRow> for (Visit, UserId) {
    type Error = StorageError;

    fn try_from(row: VisitRow) -> Result<Self, StorageError> {
        let known = KnownAs::open(row.visit_subject, row.visit_session, row.name_format)?;
        let (sign_on, client) = (row.sign_on_id.into(), row.client_id.into());
        Ok((Visit { sign_on, client, known }, row.user_id.into()))
    }
}

impl Visits<'_> {
    /// Remembers a visit: what was known of an earlier one in the same browser is replaced.
    pub async fn remember(&mut self, visit: &Visit) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO visits (sign_on_id, client_id, visit_subject, visit_session, name_format) \
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (sign_on_id, client_id) DO UPDATE SET \
            visit_subject = excluded.visit_subject, visit_session = excluded.visit_session, \
            name_format = excluded.name_format";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(visit.sign_on.as_uuid())
            .bind(visit.client.as_uuid())
            .bind(visit.known.subject.as_str())
            .bind(visit.known.session.as_str())
            .bind(visit.known.format_code())
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The applications that know of a sign-on, and whose it is.
    pub async fn of_sign_on(&mut self, id: SignOnId) -> Result<Vec<(Visit, UserId)>, StorageError> {
        const SQL: &str = "SELECT visits.*, sign_ons.user_id FROM visits \
            JOIN sign_ons ON sign_ons.sign_on_id = visits.sign_on_id \
            WHERE visits.sign_on_id = $1 ORDER BY client_id";
        self.all(SQL, id.as_uuid()).await
    }

    /// The applications that know of any sign-on that a desktop handed over, and whose it is.
    pub async fn of_session(
        &mut self,
        id: SessionId,
    ) -> Result<Vec<(Visit, UserId)>, StorageError> {
        const SQL: &str = "SELECT visits.*, sign_ons.user_id FROM visits \
            JOIN sign_ons ON sign_ons.sign_on_id = visits.sign_on_id \
            WHERE sign_ons.session_id = $1 ORDER BY visits.sign_on_id, client_id";
        self.all(SQL, id.as_uuid()).await
    }

    async fn all(
        &mut self,
        sql: &'static str,
        id: Uuid,
    ) -> Result<Vec<(Visit, UserId)>, StorageError> {
        let rows: Vec<VisitRow> =
            on!(&mut *self.0, |conn| sqlx::query_as(sql).bind(id).fetch_all(conn).await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Forgets a visit: the application is told. Answers whether it was there.
    pub async fn forget(
        &mut self,
        sign_on: SignOnId,
        client: ClientId,
    ) -> Result<bool, StorageError> {
        const SQL: &str = "DELETE FROM visits WHERE sign_on_id = $1 AND client_id = $2";
        Ok(on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(sign_on.as_uuid())
            .bind(client.as_uuid())
            .execute(conn)
            .await?
            .rows_affected())
            > 0)
    }
}

#[cfg(test)]
mod tests {
    use imp_identity::Digest;
    use imp_identity::authentication::Authentication;
    use imp_identity::sign_on::{Establishment, SignOn, SignOnPolicy};
    use imp_identity::user::{Role, User};
    use imp_storage::testing;
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::store::{ClientKind, MIGRATIONS, StoredClient, Tables as _};

    const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

    fn known(subject: &str, format: Option<NameIdFormat>) -> KnownAs {
        KnownAs { subject: subject.to_owned(), session: "morning".to_owned(), format }
    }

    #[tokio::test]
    async fn a_visit_is_remembered_until_its_application_is_told_or_all_is_over() {
        for storage in testing::both(&MIGRATIONS).await {
            let mut transaction = storage.begin().await.unwrap();
            let (name, label) = ("ada".parse().unwrap(), "Ada".parse().unwrap());
            let user =
                User::create(UserId::from(Uuid::from_u128(1)), name, label, Role::Staff, None).0;
            transaction.users().add(&user).await.unwrap();
            let by = Establishment {
                user: user.id,
                desktop: None,
                credential: None,
                authentication: Authentication::tap(NOW),
            };
            let id = SignOnId::from(Uuid::from_u128(2));
            let (sign_on, _) = SignOn::establish(id, by, &SignOnPolicy::default(), NOW);
            transaction.sign_ons().add(&sign_on, Digest::of(&[b"cookie"])).await.unwrap();
            let clients = [3, 4].map(|n| ClientId::from(Uuid::from_u128(n)));
            for (client, kind) in clients.into_iter().zip([ClientKind::Oauth, ClientKind::Saml]) {
                let client = StoredClient {
                    id: client,
                    name: "Chart".parse().unwrap(),
                    kind,
                    external: None,
                    metadata: "{}".to_owned(),
                    secret: None,
                    registration: None,
                    revision: 0,
                    registered_at: NOW,
                };
                transaction.clients().add(&client).await.unwrap();
            }
            let visit = |client, known| Visit { sign_on: id, client, known };
            let first = visit(clients[0], known("sub", None));
            let second = visit(clients[1], known("name", Some(NameIdFormat::Transient)));
            for visit in [&visit(clients[0], known("before", None)), &first, &second] {
                transaction.visits().remember(visit).await.unwrap();
            }
            let found = transaction.visits().of_sign_on(id).await.unwrap();
            assert_eq!(found, [(first, user.id), (second.clone(), user.id)]);
            assert!(transaction.visits().forget(id, clients[0]).await.unwrap());
            assert!(!transaction.visits().forget(id, clients[0]).await.unwrap());
            let ended = sign_on.end(imp_identity::sign_on::SignOnEnd::SignedOut, NOW).unwrap().0;
            transaction.sign_ons().update(&ended).await.unwrap();
            let left = transaction.visits().of_sign_on(id).await.unwrap();
            assert_eq!(left, [(second, user.id)], "of an ended one, too");
            transaction.sign_ons().purge(NOW + SignedDuration::from_hours(1)).await.unwrap();
            transaction.commit().await.unwrap();
            let mut transaction = storage.begin().await.unwrap();
            assert!(!transaction.visits().forget(id, clients[1]).await.unwrap(), "it is gone");
        }
    }
}

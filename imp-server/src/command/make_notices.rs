//! The notices of the day: what was done in each person's name since the last time.
use std::collections::BTreeMap;

use imp_identity::event::Channel;
use imp_identity::name::Email;
use imp_identity::user::User;
use imp_identity::{NoticeId, UserId};
use imp_review::notice::deed;
use imp_storage::{StorageError, Transaction};
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

use super::Context;
use crate::store::{Notice, Tables as _};

/// The setting that holds the index of the first entry that no notice has told.
const NEXT: &str = "notices.next";
/// The setting that holds the latest day whose notices were made.
const DAY: &str = "notices.day";
/// How many entries are read at a time.
const PAGE: u32 = 500;

/// When notices are made, and whether there is a mail server.
#[derive(Clone, Debug)]
pub struct Evening {
    /// From when on, by the hospital's clock.
    pub at: Time,
    /// The hospital's time zone.
    pub zone: TimeZone,
    /// Whether mail can be sent.
    pub mail: bool,
}

/// Makes the notices of the day if it is late enough and they were not made yet; answers how many. The first time that
/// this runs it only notes where the log ends: nobody is told of what was before.
pub async fn make_notices(
    context: &mut Context<'_>,
    evening: &Evening,
) -> Result<usize, StorageError> {
    let local: DateTime = evening.zone.to_datetime(context.now);
    let mut reading = context.storage.read().await?;
    let next = reading.settings().find(NEXT).await?;
    let day = reading.settings().find(DAY).await?;
    let today = local.date().to_string();
    let Some(next) = next else {
        drop(reading);
        return begin(context).await;
    };
    if local.time() < evening.at || day.is_some_and(|day| day >= today) {
        return Ok(0);
    }
    let next = next.parse().map_err(|_| StorageError::Corrupt { what: "settings.notices.next" })?;
    let (uses, until) = uses(&mut reading, next).await?;
    drop(reading);
    let mut transaction = context.storage.begin().await?;
    if transaction.settings().find(DAY).await?.is_some_and(|day| day >= today) {
        // Another replica was quicker.
        return Ok(0);
    }
    let made = uses.len();
    for (user, entries) in uses {
        let id = NoticeId::generate(context.now, &mut context.rng);
        let address = transaction.users().find(user).await?.and_then(|user: User| user.email);
        let mail = address.as_ref().is_some_and(|_: &Email| evening.mail);
        let notice = Notice {
            id,
            user,
            day: local.date(),
            entries,
            made_at: context.now,
            channel: if mail { Channel::Mail } else { Channel::Phone },
            sent_at: None,
            attempts: 0,
            retry_at: mail.then_some(context.now),
        };
        transaction.notices().add(&notice).await?;
    }
    transaction.settings().put(NEXT, &until.to_string()).await?;
    transaction.settings().put(DAY, &today).await?;
    transaction.commit().await?;
    Ok(made)
}

async fn begin(context: &mut Context<'_>) -> Result<usize, StorageError> {
    let mut transaction = context.storage.begin().await?;
    if transaction.settings().find(NEXT).await?.is_none() {
        let end = transaction.entries().page_before(u64::MAX, 1).await?;
        let next = end.first().map_or(0, |entry| entry.index + 1);
        transaction.settings().put(NEXT, &next.to_string()).await?;
    }
    transaction.commit().await?;
    Ok(0)
}

/// What was done in whose name from an index on, and the index where the log ends.
async fn uses(
    transaction: &mut Transaction,
    mut next: u64,
) -> Result<(BTreeMap<UserId, Vec<u64>>, u64), StorageError> {
    let mut uses: BTreeMap<UserId, Vec<u64>> = BTreeMap::new();
    loop {
        let page = transaction.entries().page(next, PAGE).await?;
        let Some(last) = page.last() else { return Ok((uses, next)) };
        next = last.index + 1;
        for stored in &page {
            let Some(entry) = stored.entry()? else { continue };
            let event = &entry.record.event;
            if let (Some(user), Some(_)) = (event.user(), deed(event)) {
                uses.entry(user).or_default().push(entry.index);
            }
        }
    }
}

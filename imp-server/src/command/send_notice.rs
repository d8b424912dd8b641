//! Handing a notice on: by mail, or to the person's phone when it asks.
use imp_identity::event::{Channel, Event};
use imp_identity::name::Email;
use imp_identity::user::User;
use imp_identity::{Actor, Digest, NoticeId, UserId};
use imp_review::notice::{self, Use};
use imp_storage::{StorageError, Transaction};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Context, token};
use crate::store::{Notice, Tables as _};

/// The first wait after a failure; each later one is twice as long.
const WAIT: SignedDuration = SignedDuration::from_mins(5);
/// After so many failures, over some ten hours, the notice waits on the phone instead.
const MOST_ATTEMPTS: u32 = 8;
/// How long the link in a mail counts.
const LINK: SignedDuration = SignedDuration::from_hours(24 * 30);

/// A notice in words, ready to be sent.
#[derive(Clone, Debug)]
pub struct ReadyNotice {
    /// Names the notice.
    pub id: NoticeId,
    /// When it was made.
    pub made_at: Timestamp,
    /// Whom it tells.
    pub user: User,
    /// Where it goes.
    pub address: Email,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// What notices say beside the uses.
#[derive(Clone, Debug)]
pub struct Wording<'a> {
    /// The hospital's time zone.
    pub zone: &'a TimeZone,
    /// What people call this server, without a final slash.
    pub url: &'a str,
    /// What browsers call it, without a final slash: passkeys count under that name alone.
    pub account: &'a str,
}

/// The notices that are to be mailed now.
pub async fn due_notices(context: &Context<'_>, limit: u32) -> Result<Vec<NoticeId>, StorageError> {
    let mut reading = context.storage.read().await?;
    let due = reading.notices().due(context.now, limit).await?;
    Ok(due.into_iter().map(|notice| notice.id).collect())
}

/// Puts a notice into words, with a link that counts from now on, and plans the next attempt in case this one fails.
/// Nothing when there is nobody to mail: then it waits on the phone.
pub async fn prepare_notice(
    context: &mut Context<'_>,
    id: NoticeId,
    wording: &Wording<'_>,
) -> Result<Option<ReadyNotice>, StorageError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.notices().find(id).await?;
    // Another replica may have prepared it meanwhile: its link must stay the one that counts.
    let due = |at: Timestamp| at <= context.now;
    let open = |notice: &Notice| notice.sent_at.is_none() && notice.retry_at.is_some_and(due);
    let Some(mut notice) = found.filter(open) else {
        return Ok(None);
    };
    let user = transaction.users().find(notice.user).await?;
    let user = user.filter(|user| notice.attempts < MOST_ATTEMPTS && user.email.is_some());
    let Some((user, address)) = user.and_then(|user| Some((user.clone(), user.email?))) else {
        notice.channel = Channel::Phone;
        notice.retry_at = None;
        transaction.notices().update(&notice).await?;
        transaction.commit().await?;
        return Ok(None);
    };
    let (secret, _) = token::generate(&mut context.rng);
    transaction.notices().set_token(id, &link_digest(secret.expose())).await?;
    notice.retry_at = Some(context.now + WAIT * (1 << notice.attempts.min(10)));
    notice.attempts += 1;
    transaction.notices().update(&notice).await?;
    let told = told(&mut transaction, &notice, wording.zone).await?;
    transaction.commit().await?;
    let words = notice::Notice {
        name: user.display_name.to_string(),
        installation: context.trust_domain.to_string(),
        day: notice.day,
        uses: told,
        dispute: Some(format!("{}/notices/{}", wording.url, secret.expose())),
        account: Some(format!("{}/account", wording.account)),
    };
    let (subject, text) = (words.subject(), words.text());
    Ok(Some(ReadyNotice { id, made_at: notice.made_at, user, address, subject, text }))
}

/// Records that a notice was handed on.
pub async fn notice_sent(context: &mut Context<'_>, id: NoticeId) -> Result<(), StorageError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.notices().find(id).await?;
    if let Some(notice) = found.filter(|notice| notice.sent_at.is_none()) {
        sent(context, &mut transaction, notice).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Records that a mail server will never take a notice: it waits on the phone instead.
pub async fn notice_refused(context: &mut Context<'_>, id: NoticeId) -> Result<(), StorageError> {
    let mut transaction = context.storage.begin().await?;
    let found = transaction.notices().find(id).await?;
    if let Some(notice) = found.filter(|notice| notice.sent_at.is_none()) {
        let waiting = Notice { channel: Channel::Phone, retry_at: None, ..notice };
        transaction.notices().update(&waiting).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// A person's latest notices, latest first, for her phone; those that waited for it count as sent now.
pub async fn notices_of_user(
    context: &mut Context<'_>,
    user: UserId,
    limit: u32,
    zone: &TimeZone,
) -> Result<Vec<(Notice, Vec<Use>)>, StorageError> {
    let mut reading = context.storage.read().await?;
    let mut notices = Vec::new();
    for notice in reading.notices().of_user(user, limit).await? {
        let told = told(&mut reading, &notice, zone).await?;
        notices.push((notice, told));
    }
    drop(reading);
    let waiting = |notice: &Notice| notice.sent_at.is_none() && notice.channel == Channel::Phone;
    if notices.iter().any(|(notice, _)| waiting(notice)) {
        let mut transaction = context.storage.begin().await?;
        for (notice, _) in &notices {
            let found = transaction.notices().find(notice.id).await?;
            if let Some(notice) = found.filter(waiting) {
                sent(context, &mut transaction, notice).await?;
            }
        }
        transaction.commit().await?;
    }
    Ok(notices)
}

/// The notice of a link, while the link counts, and what it tells.
pub async fn notice_of_link(
    context: &Context<'_>,
    link: &str,
    zone: &TimeZone,
) -> Result<Option<(Notice, Vec<Use>)>, StorageError> {
    let mut reading = context.storage.read().await?;
    let found = reading.notices().find_by_token(&link_digest(link)).await?;
    let Some(notice) = found.filter(|notice| context.now < notice.made_at + LINK) else {
        return Ok(None);
    };
    let told = told(&mut reading, &notice, zone).await?;
    Ok(Some((notice, told)))
}

async fn sent(
    context: &mut Context<'_>,
    transaction: &mut Transaction,
    notice: Notice,
) -> Result<(), StorageError> {
    let Notice { id, user, day, channel, .. } = notice;
    let uses = u32::try_from(notice.entries.len()).unwrap_or(u32::MAX);
    let sent = Notice { sent_at: Some(context.now), retry_at: None, ..notice };
    transaction.notices().update(&sent).await?;
    let event = Event::NoticeSent { notice: id, user, day, uses, channel };
    context.append(transaction, &Actor::Server, event).await?;
    Ok(())
}

/// What a notice tells; entries that were erased since are passed over.
async fn told(
    transaction: &mut Transaction,
    notice: &Notice,
    zone: &TimeZone,
) -> Result<Vec<Use>, StorageError> {
    let mut uses = Vec::new();
    for index in &notice.entries {
        let Some(stored) = transaction.entries().find(*index).await? else { continue };
        let Some(entry) = stored.entry()? else { continue };
        let event = &entry.record.event;
        let Some(deed) = notice::deed(event) else { continue };
        let at = if let Event::OfflineTapReconciled { decided_at, .. } = event {
            *decided_at
        } else {
            entry.record.at
        };
        let place = match event.workstation() {
            Some(id) => transaction.workstations().find(id).await?,
            None => None,
        };
        let place = place.map(|workstation| workstation.name.to_string());
        uses.push(Use { index: *index, local: zone.to_datetime(at), deed, place });
    }
    Ok(uses)
}

/// The link has 256 random bits, so a plain digest suffices.
fn link_digest(link: &str) -> Digest {
    Digest::of(&[b"imp notice link", link.as_bytes()])
}

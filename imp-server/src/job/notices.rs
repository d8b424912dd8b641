//! Notices of the day: made in the evening, mailed, and tried again when the mail server is down.
use imp_delivery::{Message, Messenger, Recipient, SendError};
use imp_identity::NoticeId;
use imp_storage::StorageError;
use jiff::tz::TimeZone;

use super::warn;
use crate::app::{self, App};
use crate::command::{self, Evening, ReadyNotice, Wording};

/// The most mails that are sent in one go, so that stopping need not wait for thousands.
const MOST: u32 = 200;

/// Makes the notices of the day when it is time, and mails those that are due.
pub(super) async fn tell(app: &App) {
    if let Err(error) = make(app).await {
        warn(&error, "cannot make the notices of the day");
        return;
    }
    let Some(messenger) = &app.messenger else { return };
    if let Err(error) = send(app, messenger.as_ref()).await {
        warn(&error, "cannot send notices");
    }
}

async fn make(app: &App) -> Result<(), StorageError> {
    let evening = Evening {
        at: app.config.notices.at,
        zone: zone(app).await?,
        mail: app.messenger.is_some(),
    };
    let made = command::make_notices(&mut app.context(&mut app::rng()), &evening).await?;
    if made > 0 {
        tracing::info!(notices = made, "made the notices of the day");
    }
    Ok(())
}

async fn send(app: &App, messenger: &dyn Messenger) -> Result<(), StorageError> {
    let zone = zone(app).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let wording = Wording { zone: &zone, url: &app.url };
    for id in command::due_notices(context, MOST).await? {
        let Some(ready) = command::prepare_notice(context, id, &wording).await? else { continue };
        match messenger.send(&message(ready)).await {
            Ok(()) => command::notice_sent(context, id).await?,
            Err(error) if error.is_temporary() => {
                warn(&error, "the mail server does not take notices now");
                return Ok(());
            }
            Err(error) => refused(context, id, &error).await?,
        }
    }
    Ok(())
}

async fn refused(
    context: &mut command::Context<'_>,
    id: NoticeId,
    error: &SendError,
) -> Result<(), StorageError> {
    tracing::warn!(notice.id = %id, error = error as &dyn std::error::Error, "a notice waits on the phone");
    command::notice_refused(context, id).await
}

fn message(ready: ReadyNotice) -> Message {
    let ReadyNotice { id, made_at, user, address, subject, text } = ready;
    let to = Recipient { address, name: Some(user.display_name.to_string()) };
    Message { id: format!("notice-{id}"), written_at: made_at, to, subject, text }
}

async fn zone(app: &App) -> Result<TimeZone, StorageError> {
    let policy = command::current_policy(&app.storage).await?;
    Ok(TimeZone::get(&policy.time_zone).unwrap_or(TimeZone::UTC))
}

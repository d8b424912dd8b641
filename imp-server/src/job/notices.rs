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
    let wording = Wording { zone: &zone, url: &app.url, account: &app.issuer };
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;
    use axum::body::{Body, to_bytes};
    use axum::http::{Request, StatusCode, header};
    use imp_identity::user::Role;
    use imp_identity::{Actor, Clock};
    use jiff::{SignedDuration, Timestamp};
    use tower::ServiceExt as _;

    use super::*;
    use crate::config::Config;
    use crate::http::router::router;

    struct Watch(Mutex<Timestamp>);

    impl Clock for Watch {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    /// A mail server that takes what it is given, once it is up.
    #[derive(Default)]
    struct Mailbox {
        up: Mutex<bool>,
        taken: Mutex<Vec<Message>>,
    }

    #[async_trait]
    impl Messenger for Mailbox {
        async fn send(&self, message: &Message) -> Result<(), SendError> {
            if !*self.up.lock().unwrap() {
                return Err(SendError::Unavailable("connection refused".into()));
            }
            self.taken.lock().unwrap().push(message.clone());
            Ok(())
        }
    }

    async fn answer(app: &App, request: Request<Body>) -> (StatusCode, String, String) {
        let response = router(app.clone()).oneshot(request).await.unwrap();
        let policy = response.headers().get(header::CONTENT_SECURITY_POLICY);
        let policy = policy.unwrap().to_str().unwrap().to_owned();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        (parts.status, policy, String::from_utf8(body.to_vec()).unwrap())
    }

    fn press(path: &str, form: &str) -> Request<Body> {
        Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap()
    }

    #[tokio::test]
    async fn a_mail_leads_to_a_page_whose_button_opens_a_case() {
        let data = tempfile::tempdir().unwrap();
        let watch = Arc::new(Watch(Mutex::new("2026-03-02T08:00:00Z".parse().unwrap())));
        let mailbox = Arc::new(Mailbox::default());
        let mut app = App::open(Config::at(data.path()), watch.clone(), 8443).await.unwrap();
        app.messenger = Some(mailbox.clone());
        tell(&app).await;
        let new = command::NewUser {
            username: "ada".parse().unwrap(),
            display_name: "Ada <Rossi>".parse().unwrap(),
            role: Role::Staff,
            unit: None,
            email: Some("ada@hospital.example".parse().unwrap()),
        };
        let mut rng = app::rng();
        let context = &mut app.context(&mut rng);
        let ada = command::create_user(context, Actor::Server, new).await.unwrap();
        command::issue_sign_in_code(context, Actor::Server, ada.id).await.unwrap();
        *watch.0.lock().unwrap() += SignedDuration::from_hours(12);
        // The mail server is down, and then it is not.
        tell(&app).await;
        *mailbox.up.lock().unwrap() = true;
        *watch.0.lock().unwrap() += SignedDuration::from_mins(5);
        tell(&app).await;
        tell(&app).await;
        let mails = mailbox.taken.lock().unwrap().clone();
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to.address.expose(), "ada@hospital.example");
        let text = &mails[0].text;
        assert!(text.contains("one-time code for signing in made for you"), "{text}");

        let (_, path) = text.split_once("https://127.0.0.1:8443").unwrap();
        let path = path.lines().next().unwrap();
        let open = || Request::get(path).body(Body::empty()).unwrap();
        let (status, policy, page) = answer(&app, open()).await;
        assert_eq!(status, StatusCode::OK);
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        let (_, index) = page.split_once("name=\"index\" value=\"").unwrap();
        let index = index.split('"').next().unwrap();
        // Looking opens nothing; a press does, once, and only for what the notice tells.
        for (path, form) in [
            (path, "index=0".to_owned()),
            (path, "index=4&index=5".to_owned()),
            (path, "nothing".to_owned()),
            ("/notices/AAAA", format!("index={index}")),
        ] {
            let (status, _, _) = answer(&app, press(path, &form)).await;
            assert!(status.is_client_error(), "{form}: {status}");
        }
        for _ in 0..2 {
            let (status, _, page) = answer(&app, press(path, &format!("index={index}"))).await;
            assert_eq!(status, StatusCode::OK);
            assert!(page.contains("case 1.") && page.contains("Disputed"), "{page}");
            assert!(!page.contains("<button"), "{page}");
        }
    }
}

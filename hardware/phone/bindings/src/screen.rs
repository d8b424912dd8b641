//! The phone's owner: what she is shown, and what she is asked.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::SystemTime;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::notice::{Notice, Purpose};

/// Where the owner reads notices and answers questions.
#[uniffi::export(with_foreign)]
pub trait Screen: Send + Sync {
    /// Something happened. Returns at once.
    fn show(&self, notice: Notice);

    /// Asks whether the face may be released, and waits for the answer. A dialogue that only the owner can answer: with the unlocked
    /// phone in her hand.
    fn ask(&self, question: Question) -> bool;

    /// The question is withdrawn: its time is up, or the workstation gave up. Its answer no longer counts.
    fn withdraw(&self);
}

/// Whose press counts as intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Consent {
    /// The press at the workstation is enough.
    AtWorkstation,
    /// Each request is asked on the phone.
    OnPhone,
}

/// A workstation asks for a tap.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Question {
    /// What the workstation calls itself: text without control characters.
    pub workstation: String,
    /// What for.
    pub purpose: Purpose,
    /// First instant at which the answer no longer counts.
    pub expires_at: SystemTime,
    /// One line in plain English.
    pub sentence: String,
}

impl From<Consent> for imp_phone::Consent {
    fn from(consent: Consent) -> Self {
        match consent {
            Consent::AtWorkstation => Self::AtWorkstation,
            Consent::OnPhone => Self::OnPhone,
        }
    }
}

/// What is shown and not yet seen; more is not shown.
const SHOWN: usize = 64;

/// The app's screen, as the phone uses screens.
pub(crate) struct AppScreen {
    screen: Arc<dyn Screen>,
    shown: SyncSender<Shown>,
}

/// What the app is told, in its order and on one thread.
enum Shown {
    Notice(Notice),
    Withdrawal,
}

impl AppScreen {
    pub(crate) fn new(screen: Arc<dyn Screen>, threads: &Handle) -> Self {
        let (shown, seen) = sync_channel(SHOWN);
        let reader = Arc::clone(&screen);
        // Ends with the sender.
        threads.spawn_blocking(move || {
            for shown in seen {
                // An app that throws panics here: it misses this one, and sees the next.
                let _ = catch_unwind(AssertUnwindSafe(|| match shown {
                    Shown::Notice(notice) => reader.show(notice),
                    Shown::Withdrawal => reader.withdraw(),
                }));
            }
        });
        Self { screen, shown }
    }

    /// An app that does not keep up misses something.
    fn tell(&self, shown: Shown) {
        let _ = self.shown.try_send(shown);
    }
}

/// A question that is on the screen; withdrawn if it is dropped before it was answered.
struct Asked<'a> {
    screen: &'a AppScreen,
    answered: bool,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.screen.tell(Shown::Withdrawal);
        }
    }
}

#[async_trait]
impl imp_phone::Screen for AppScreen {
    fn show(&self, notice: &imp_phone::Notice) {
        self.tell(Shown::Notice(Notice::of(notice)));
    }

    async fn ask(&self, question: &imp_phone::Question) -> bool {
        let shown = Question {
            workstation: imp_phone::printable(&question.workstation),
            purpose: question.purpose.into(),
            expires_at: question.expires_at.into(),
            sentence: question.sentence(),
        };
        let mut asked = Asked { screen: self, answered: false };
        let screen = Arc::clone(&self.screen);
        let agreed = spawn_blocking(move || screen.ask(shown)).await.unwrap_or(false);
        asked.answered = true;
        agreed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::threads::Threads;

    struct Throwing(Sender<Notice>);

    impl Screen for Throwing {
        fn show(&self, notice: Notice) {
            assert_ne!(notice, Notice::Advertising, "an app that throws");
            self.0.send(notice).unwrap();
        }

        fn ask(&self, _: Question) -> bool {
            panic!("an app that throws");
        }

        fn withdraw(&self) {
            panic!("an app that throws");
        }
    }

    #[test]
    fn an_app_that_throws_sees_the_next_notice() {
        let threads = Threads::start().unwrap();
        let (sender, seen) = channel();
        let screen = AppScreen::new(Arc::new(Throwing(sender)), threads.handle());
        screen.tell(Shown::Notice(Notice::Advertising));
        screen.tell(Shown::Withdrawal);
        screen.tell(Shown::Notice(Notice::Stranger));
        // Without a thread that reads, the sender is gone and this fails.
        drop(screen);
        assert_eq!(seen.recv(), Ok(Notice::Stranger));
    }
}

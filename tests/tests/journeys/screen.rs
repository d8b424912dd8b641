//! The machine's own screen follows who is at work, and lets nobody in but by her own tap.
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use imp_client::socket;
use imp_client::status::ScreenState;
use imp_client::vouch::{VouchCommand, VouchError};
use imp_hardware::desktop::DesktopSession as _;
use imp_identity::event::Event;
use imp_identity::tap::Purpose;
use imp_identity::user::Role;
use imp_tests::process::binary;
use imp_tests::world::{WARD, World, faces};
use tokio_util::sync::CancellationToken;

use super::Ward;

impl Ward {
    async fn screen_becomes(&self, wanted: impl Fn(&ScreenState) -> bool) {
        let until = Instant::now() + Duration::from_secs(20);
        while !wanted(&self.workstation.agent.status().screen) {
            assert!(Instant::now() < until, "{:?}", self.workstation.agent.status().screen);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn is_open(&self) -> bool {
        let sessions = self.workstation.screen.sessions().await.unwrap();
        sessions.iter().any(|session| session.in_front && !session.locked)
    }

    async fn vouch(
        &self,
        account: &str,
        service: &str,
        asker: Option<&str>,
    ) -> Result<(), VouchError> {
        self.workstation.agent.refresh_roster().await.unwrap();
        let command = VouchCommand {
            account: account.to_owned(),
            service: service.to_owned(),
            asker: asker.map(str::to_owned),
        };
        self.workstation.agent.vouch(&command, &CancellationToken::new()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_is_open_while_she_is_at_work_and_locked_before_the_server_hears_of_it() {
    let ward = Ward::open().await;
    ward.screen_becomes(|screen| *screen == ScreenState::Locked).await;
    assert!(!ward.is_open().await, "a workstation that has started is locked");
    let before = ward.workstation.screen.take_told().len();
    assert_eq!(before, 1);

    ward.workstation.admits("ada").await;
    assert!(ward.is_open().await, "the tap's answer comes when the screen is open");
    assert_eq!(ward.workstation.agent.status().screen, ScreenState::Open);
    assert_eq!(ward.workstation.screen.take_told(), ["unlock ada"]);
    let steps = ward.workstation.agent.last_tap().unwrap().steps;
    assert!(steps.iter().any(|step| step.name == "unlock"), "{steps:?}");

    ward.workstation.agent.lock().await;
    assert!(!ward.is_open().await);
    assert_eq!(ward.workstation.screen.take_told(), ["lock"]);
    let suspended = ward
        .world
        .events()
        .await
        .into_iter()
        .rev()
        .find(|entry| matches!(entry.record.event, Event::SessionSuspended { .. }));
    assert!(suspended.is_some());

    // Signing out locks as well, and so does a session that the server ends.
    ward.workstation.admits("ada").await;
    let out = ward.workstation.tap_for("ada", Some(Purpose::TapOut)).await;
    assert!(out.accepted() && !ward.is_open().await, "{out:?}");
    ward.workstation.admits("ada").await;
    ward.world.disable("ada").await;
    ward.screen_becomes(|screen| *screen == ScreenState::Locked).await;
    assert!(!ward.is_open().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_that_does_not_lock_is_told_again_until_it_does_and_shown_meanwhile() {
    let ward = Ward::open().await;
    ward.workstation.admits("ada").await;
    ward.workstation.screen.fails(true);
    ward.workstation.agent.lock().await;
    let status = ward.workstation.agent.status();
    assert!(matches!(&status.screen, ScreenState::NotLocked { reason } if reason.contains("ward")));
    assert!(status.locked, "for the server and for applications she is gone");
    assert_eq!(status.untold, 0, "the server was told all the same");
    ward.workstation.screen.fails(false);
    ward.screen_becomes(|screen| *screen == ScreenState::Locked).await;
    assert!(!ward.is_open().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_locks_her_screen_by_hand_has_locked_the_workstation() {
    let ward = Ward::open().await;
    ward.workstation.admits("ada").await;
    ward.workstation.screen.lock().await.unwrap();
    ward.screen_becomes(|screen| *screen == ScreenState::Locked).await;
    assert!(ward.workstation.agent.desktop().is_locked());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_vouched_for_by_its_owners_tap_only() {
    let ward = Ward::open().await;
    ward.vouch("ada", "lightdm", None).await.unwrap();
    assert!(ward.is_open().await, "a tap at the display manager is a tap in");
    ward.vouch("ada", "sudo", Some("ada")).await.unwrap();
    let last = ward.workstation.agent.last_tap().unwrap();
    assert_eq!(last.purpose, Some(Purpose::StepUp), "who is at work confirms");
    ward.workstation.agent.lock().await;
    ward.vouch("ada", "gdm-password", None).await.unwrap();
    assert!(ward.is_open().await, "a tap at the lock unlocks");
    // Everybody who taps may use the shared account.
    let before = ward.events().await;
    for (account, asker) in [
        ("root", None),
        // A program that bob has left behind.
        ("ada", Some("bob")),
        ("ada", Some("")),
        ("", None),
        ("../ada", None),
    ] {
        ward.vouch(account, "su", asker).await.unwrap_err();
    }
    assert_eq!(ward.events().await, before, "nothing of that started a tap");

    // Bea's account is not for Ada's phone and face, and nobody else's face is for Ada's.
    ward.world.user("bea", Role::Staff, Some(WARD)).await;
    assert!(matches!(ward.vouch("bea", "login", None).await, Err(VouchError::Tap(_))));
    ward.workstation.scene.shows(faces::path(faces::BEA));
    assert!(matches!(ward.vouch("ada", "sudo", Some("ada")).await, Err(VouchError::Tap(_))));
}

/// A PAM stack with nothing in it but the module and a refusal.
struct Stack {
    folder: tempfile::TempDir,
}

impl Stack {
    fn asking(socket: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lines = format!(
            "auth sufficient {} socket={} agent={} timeout=60\nauth required pam_deny.so\n",
            binary("libpam_imp.so").display(),
            socket.display(),
            rustix::process::geteuid().as_raw(),
        );
        std::fs::write(folder.path().join("sudo"), lines).unwrap();
        std::fs::write(folder.path().join("other"), "auth required pam_deny.so\n").unwrap();
        Self { folder }
    }

    async fn sign_in(&self, account: &str) -> Output {
        let mut pamtester = tokio::process::Command::new("pamtester");
        pamtester.env("LD_PRELOAD", "libpam_wrapper.so").env("PAM_WRAPPER", "1");
        pamtester.env("PAM_WRAPPER_SERVICE_DIR", self.folder.path());
        let ruser = format!("ruser={account}");
        pamtester.args(["-I", &ruser, "sudo", account, "authenticate"]).output().await.unwrap()
    }
}

#[expect(clippy::print_stdout, reason = "a test that is left out says so")]
fn is_installed() -> bool {
    let wrapper = format!("/usr/lib/{}-linux-gnu/libpam_wrapper.so", std::env::consts::ARCH);
    let installed = PathBuf::from(wrapper).exists() && Path::new("/usr/bin/pamtester").exists();
    if !installed {
        println!("skipped: pamtester and libpam-wrapper are not installed");
    }
    installed
}

#[tokio::test(flavor = "multi_thread")]
async fn pam_lets_in_who_taps_and_nobody_else() {
    if !is_installed() {
        return;
    }
    let ward = Ward::open_in(World::start().await).await;
    socket::serve(&ward.workstation.agent).unwrap();
    let stack = Stack::asking(&ward.workstation.folder.join("agent.sock"));
    ward.workstation.agent.refresh_roster().await.unwrap();

    let let_in = stack.sign_in("ada").await;
    assert!(let_in.status.success(), "{let_in:?}");
    assert!(ward.is_open().await);
    // Ada confirms at her own `sudo`, and is nobody else there.
    let confirmed = stack.sign_in("ada").await;
    assert!(confirmed.status.success(), "{confirmed:?}");
    assert_eq!(ward.workstation.agent.last_tap().unwrap().purpose, Some(Purpose::StepUp));
    for account in ["bea", "root", "nobody"] {
        let kept_out = stack.sign_in(account).await;
        assert!(!kept_out.status.success(), "{kept_out:?}");
    }
    ward.workstation.scene.shows(faces::path(faces::BEA));
    let kept_out = stack.sign_in("ada").await;
    assert!(!kept_out.status.success(), "{kept_out:?}");
    // The agent says why to the person before the screen.
    let said = String::from_utf8_lossy(&kept_out.stderr).into_owned()
        + &String::from_utf8_lossy(&kept_out.stdout);
    assert!(said.contains(imp_identity::Refusal::ComparisonFailed.explain()), "{said}");
}

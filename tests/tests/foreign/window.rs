//! The real window on a real display server, with a real agent behind it: a key is pressed, an emulated phone answers, the desktop opens.
use imp_identity::user::Role;
use imp_tests::process::{Running, binary};
use imp_tests::screen::{Picture, Screen};
use imp_tests::world::{WARD, World, faces};

/// What is the one thing to press.
const BRIGHT: [u8; 3] = [255, 214, 82];
/// The band that says who is signed in.
const RAISED: [u8; 3] = [26, 58, 84];
/// Behind everything.
const GROUND: [u8; 3] = [9, 26, 40];
const WIDTH: usize = 1280;

/// It covers the screen, and there is a large button.
fn invites(picture: &Picture) -> bool {
    picture.count(GROUND) > WIDTH * 300 && picture.count(BRIGHT) > 40_000
}

/// It is a strip at the upper edge, with letters, and the applications have the rest.
fn makes_way(picture: &Picture) -> bool {
    let strip = picture.top(56);
    strip.count(RAISED) > WIDTH * 30 && strip.colours() > 20 && picture.count(GROUND) < WIDTH
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_in_the_window_opens_the_desktop_and_a_lock_covers_it_again() {
    let world = World::start().await;
    let workstation = world.workstation("Ward 3 left", Some(WARD)).await;
    world.user("ada", Role::Staff, Some(WARD)).await;
    let _phone = world.enrol(&workstation, "ada", faces::ADA_ENROLLED).await;
    workstation.scene.shows(faces::path(faces::ADA));
    workstation.agent.refresh_roster().await.unwrap();
    imp_client::socket::serve(&workstation.agent).unwrap();
    let socket = workstation.folder.join("agent.sock");
    let agent = workstation.agent.clone();
    let seen = tokio::task::spawn_blocking(move || {
        let screen = Screen::start(WIDTH, 800).unwrap();
        let window = |language: &str| {
            let mut command = screen.command(binary("imp-window"));
            command.arg("--socket").arg(&socket).args(["--language", language]);
            Running::start("imp-window", &mut command).unwrap()
        };
        let english = window("en");
        let idle = screen.until("the press", invites);
        screen.press("Return").unwrap();
        screen.until("who is signed in", makes_way);
        assert!(!agent.status().locked, "the window shows what is not so");
        tokio::runtime::Handle::current().block_on(agent.lock());
        let locked = screen.until("the press, again", invites);
        assert!(idle.differs(&locked) > 1000, "who is signed in is on the screen");
        drop(english);
        let _greek = window("el");
        screen.until("the same in Greek", |p| invites(p) && p.differs(&locked) > 1000);
    });
    seen.await.unwrap();
}

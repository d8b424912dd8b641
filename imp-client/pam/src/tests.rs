use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::*;

const SOON: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(30);

fn settings(socket: &Path, patience: Duration) -> Settings {
    let agent = rustix::process::geteuid().as_raw().to_string();
    Settings { socket: socket.to_owned(), agent, patience }
}

fn asking(settings: &Settings) -> Result<(), AskError> {
    ask(settings, &Question { account: "ada", service: "sudo", asker: Some("ada") }, || {})
}

/// Asks an agent that does `what` with whoever asks.
fn asking_one_that(
    patience: Duration,
    what: impl FnOnce(&mut UnixStream) + Send + 'static,
) -> Result<(), AskError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let agent: JoinHandle<()> = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = String::new();
        BufReader::new(stream.try_clone().unwrap()).read_line(&mut asked).unwrap();
        assert_eq!(
            asked,
            "{\"do\":\"vouch\",\"account\":\"ada\",\"service\":\"sudo\",\"asker\":\"ada\"}\n"
        );
        what(&mut stream);
    });
    let before = Instant::now();
    let answer = asking(&settings(&path, patience));
    assert!(before.elapsed() < patience + Duration::from_secs(2), "it waited too long");
    agent.join().unwrap();
    answer
}

fn asking_one_that_says(text: &'static [u8]) -> Result<(), AskError> {
    asking_one_that(LONG, move |stream| {
        let _who_is_gone_hears_nothing = stream.write_all(text);
    })
}

#[test]
fn one_answer_lets_in() {
    asking_one_that_says(b"{\"answer\":\"vouched\",\"account\":\"ada\"}\n").unwrap();
    let hints = b"{\"answer\":\"hint\",\"hint\":\"come-closer\"}\n{\"answer\":\"hint\",\"hint\":\"look-here\"}\n\
                  {\"answer\":\"vouched\",\"account\":\"ada\"}\n";
    asking_one_that_says(hints).unwrap();
}

#[test]
fn an_answer_for_another_account_lets_nobody_in() {
    let error = asking_one_that_says(b"{\"answer\":\"vouched\",\"account\":\"bob\"}\n");
    assert!(matches!(error, Err(AskError::Unexpected)), "{error:?}");
    let error = asking_one_that_says(b"{\"answer\":\"failed\",\"message\":\"no\"}\n").unwrap_err();
    assert!(matches!(&error, AskError::Refused(message) if message == "no"), "{error:?}");
    assert_eq!(error.code(), ErrorCode::AuthenticationError);
}

#[test]
fn what_is_not_the_answer_lets_nobody_in() {
    for text in [
        &b"\n"[..],
        b"{}\n",
        b"ok\n",
        b"null\n",
        b"{\"answer\":\"vouched\"}\n",
        b"{\"answer\":\"vouched\",\"account\":null}\n",
        b"{\"answer\":\"vouched\",\"account\":\"ada\"} {}\n",
        b"{\"answer\":\"entered\",\"purpose\":\"unlock\"}\n",
        b"\xff\xfe\n",
        b"\0\0\0\n",
        b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n",
    ] {
        let error = asking_one_that_says(text).unwrap_err();
        assert!(matches!(error, AskError::Malformed(_)), "{text:?}: {error:?}");
        assert_eq!(error.code(), ErrorCode::AuthInfoUnavailable);
    }
    // An answer that is cut off is none.
    let error = asking_one_that_says(b"{\"answer\":\"vouched\",\"account\":\"ada\"}");
    assert!(matches!(error, Err(AskError::Closed)), "{error:?}");
    let error = asking_one_that_says(b"");
    assert!(matches!(error, Err(AskError::Closed | AskError::Io(_))), "{error:?}");
}

#[test]
fn an_agent_that_talks_without_end_is_not_listened_to() {
    static LONG_LINE: [u8; 1 << 20] = [b'{'; 1 << 20];
    let error = asking_one_that_says(&LONG_LINE);
    assert!(matches!(error, Err(AskError::TooLong)), "{error:?}");
    let error =
        asking_one_that(
            LONG,
            |stream| {
                while stream.write_all(b"{\"answer\":\"hint\"}\n").is_ok() {}
            },
        );
    assert!(matches!(error, Err(AskError::TooLong)), "{error:?}");
}

#[test]
fn an_agent_that_says_nothing_or_drips_is_given_up() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let silent = asking_one_that(SOON, move |_| {
        let _nobody_calls = wait.recv_timeout(SOON * 2);
    });
    assert!(matches!(silent, Err(AskError::Late)), "{silent:?}");
    drop(done);
    let dripping = asking_one_that(SOON, |stream| {
        let one = |stream: &mut UnixStream| stream.write_all(b"{");
        while one(stream).is_ok() {
            std::thread::park_timeout(Duration::from_millis(20));
        }
    });
    assert!(matches!(dripping, Err(AskError::Late)), "{dripping:?}");
}

#[test]
fn nobody_is_let_in_where_no_agent_listens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let nothing = asking(&settings(&path, LONG));
    assert!(matches!(nothing, Err(AskError::NoAgent(_))), "{nothing:?}");
    drop(UnixListener::bind(&path).unwrap());
    let dead = asking(&settings(&path, LONG));
    assert!(matches!(dead, Err(AskError::NoAgent(_))), "{dead:?}");
    let too_long = asking(&settings(&folder.path().join("a".repeat(200)), LONG));
    assert!(matches!(too_long, Err(AskError::NoAgent(_))), "{too_long:?}");
}

#[test]
fn an_agent_whose_queue_is_full_is_no_agent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let _never_accepts = UnixListener::bind(&path).unwrap();
    let settings = settings(&path, Duration::from_millis(1));
    // The queue has some hundred places (net.core.somaxconn); whoever waits in it holds one.
    let mut waiting = vec![];
    let error = loop {
        let fresh = Settings { patience: Duration::from_millis(1), ..settings.clone() };
        let error = asking(&fresh).unwrap_err();
        if !matches!(error, AskError::Late) {
            break error;
        }
        waiting.push(hold(&path));
        if waiting.last().is_some_and(Option::is_none) || waiting.len() > 10_000 {
            break asking(&settings).unwrap_err();
        }
    };
    assert!(matches!(error, AskError::NoAgent(rustix::io::Errno::AGAIN)), "{error:?}");
}

fn hold(path: &Path) -> Option<rustix::fd::OwnedFd> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
    let flags = SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None);
    let socket = socket.ok()?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path).ok()?).ok()?;
    Some(socket)
}

#[test]
fn somebody_elses_socket_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let _listens = UnixListener::bind(&path).unwrap();
    let (own, other) = (rustix::process::geteuid().as_raw(), 4711);
    let error = asking(&Settings { agent: other.to_string(), ..settings(&path, LONG) });
    let stranger = matches!(error, Err(AskError::Stranger { found, expected }) if (found, expected) == (own, other));
    assert!(stranger, "{error:?}");
    let error =
        asking(&Settings { agent: "nobody-by-this-name".to_owned(), ..settings(&path, LONG) });
    assert!(matches!(error, Err(AskError::UnknownAgent(_))), "{error:?}");
}

#[test]
fn settings_that_are_not_understood_are_not_used() {
    let read = |args: &[&CStr]| Settings::read(args);
    let plain = read(&[]).unwrap();
    assert_eq!((plain.agent.as_str(), plain.patience.as_secs()), ("imp-client", 12));
    let set = read(&[c"socket=/run/x.sock", c"agent=0", c"timeout=3"]).unwrap();
    assert_eq!(
        set,
        Settings {
            socket: "/run/x.sock".into(),
            agent: "0".to_owned(),
            patience: Duration::from_secs(3)
        }
    );
    for wrong in [
        c"socket=x.sock",
        c"timeout=0",
        c"timeout=61",
        c"timeout=soon",
        c"agent=",
        c"debug",
        c"Agent=0",
        c"\xff=1",
    ] {
        read(&[wrong]).unwrap_err();
    }
}

#[test]
fn a_question_from_another_machine_is_not_for_a_tap() {
    let from = |host: &str| remote(Some(std::ffi::OsStr::new(host)));
    assert!(from("10.0.0.7") && from("ward7.hospital.example") && from("::1"));
    assert!(!from("") && !from("localhost") && !from(":0") && !remote(None));
}

#[test]
fn a_crash_is_no_success() {
    let crashed = guarded(|| panic!("a bug"));
    assert_eq!(crashed, Err(ErrorCode::AuthInfoUnavailable));
    assert_eq!(guarded(|| Ok(())), Ok(()));
}

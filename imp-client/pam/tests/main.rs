//! The module in a real PAM stack: `pamtester` asks Linux-PAM, which loads what was built here. The stack is read from a folder of the test
//! (`pam_wrapper`), so that the machine's own is left alone.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "clippy knows only functions marked as tests, not what they call"
)]
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const WRAPPER: &str = "libpam_wrapper.so";

/// A PAM stack with the module first, and an agent's socket that it asks.
struct Stack {
    folder: tempfile::TempDir,
}

/// What the program that asked PAM was told.
struct Told {
    let_in: bool,
    said: String,
    took: Duration,
}

impl Stack {
    /// The module, which suffices, then `next`; `None` where there is no `pamtester` or no `pam_wrapper`.
    #[expect(clippy::print_stdout, reason = "a test that is left out says so")]
    fn before(next: &str) -> Option<Self> {
        let there = |program: &str| Command::new(program).output().is_ok();
        if !there("pamtester") || !Path::new("/usr/lib").join(triplet()).join(WRAPPER).exists() {
            println!("skipped: pamtester and libpam-wrapper are not installed");
            return None;
        }
        let stack = Self { folder: tempfile::tempdir().unwrap() };
        let (module, socket) = (module(), stack.socket());
        let own = rustix::process::geteuid().as_raw();
        let lines = format!(
            "auth sufficient {} socket={} agent={own} timeout=1\nauth required {next}\naccount required pam_permit.so\n",
            module.display(),
            socket.display(),
        );
        // The wrapper copies the folder, and stumbles over a socket.
        std::fs::create_dir(stack.services()).unwrap();
        std::fs::write(stack.services().join("sudo"), lines).unwrap();
        std::fs::write(stack.services().join("other"), "auth required pam_deny.so\n").unwrap();
        Some(stack)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("agent.sock")
    }

    fn services(&self) -> PathBuf {
        self.folder.path().join("pam.d")
    }

    /// Lets the next one who asks be answered so.
    fn agent(&self, answer: impl FnOnce(&mut UnixStream, &str) + Send + 'static) {
        let listener = UnixListener::bind(self.socket()).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut asked).unwrap();
            answer(&mut stream, &asked);
        });
    }

    fn sign_in(&self, account: &str, items: &[&str]) -> Told {
        let before = Instant::now();
        let mut pamtester = Command::new("pamtester");
        pamtester.env("LD_PRELOAD", WRAPPER).env("PAM_WRAPPER", "1");
        pamtester.env("PAM_WRAPPER_SERVICE_DIR", self.services());
        for item in items {
            pamtester.args(["-I", item]);
        }
        let output = pamtester.args(["sudo", account, "authenticate", "setcred"]).output().unwrap();
        assert!(output.status.code().is_some(), "a signal ended the program: {output:?}");
        let said = [output.stdout, output.stderr].concat();
        Told {
            let_in: output.status.success(),
            said: String::from_utf8_lossy(&said).into_owned(),
            took: before.elapsed(),
        }
    }
}

/// `x86_64-linux-gnu` and its like.
fn triplet() -> String {
    format!("{}-linux-gnu", std::env::consts::ARCH)
}

/// What was built beside this test.
fn module() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let deps = test.parent().unwrap();
    let places = [deps.join("libpam_imp.so"), deps.parent().unwrap().join("libpam_imp.so")];
    let built = |place: &PathBuf| place.metadata().and_then(|file| file.modified()).ok();
    places
        .into_iter()
        .filter(|place| place.exists())
        .max_by_key(built)
        .expect("the module is built")
}

fn vouching(stream: &mut UnixStream, asked: &str) {
    let account = asked.split("\"account\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let answer = format!("{{\"answer\":\"vouched\",\"account\":\"{}\"}}\n", account.unwrap());
    stream.write_all(answer.as_bytes()).unwrap();
}

#[test]
fn who_has_tapped_is_let_in() {
    let Some(stack) = Stack::before("pam_deny.so") else { return };
    stack.agent(vouching);
    let told = stack.sign_in("root", &["ruser=root", "tty=/dev/tty1"]);
    assert!(told.let_in, "{}", told.said);
    assert!(told.said.contains("Look at the camera"), "{}", told.said);
}

#[test]
fn without_an_agent_the_next_module_is_asked_at_once() {
    let Some(refusing) = Stack::before("pam_deny.so") else { return };
    let told = refusing.sign_in("root", &[]);
    assert!(!told.let_in && !told.said.contains("camera"), "{}", told.said);
    assert!(told.took < Duration::from_secs(1), "{:?}", told.took);
    let letting_in = Stack::before("pam_permit.so").unwrap();
    assert!(letting_in.sign_in("root", &[]).let_in);
}

#[test]
fn whatever_a_broken_agent_does_the_next_module_decides_in_time() {
    type Agent = fn(&mut UnixStream, &str);
    let agents: [(&str, Agent); 7] = [
        ("hangs up", |_, _| {}),
        ("is silent", |_, _| std::thread::park_timeout(Duration::from_secs(4))),
        ("lies", |stream, _| {
            let _gone = stream.write_all(b"{\"answer\":\"vouched\",\"account\":\"nobody\"}\n");
        }),
        ("talks nonsense", |stream, _| {
            let _gone = stream.write_all(b"\x00\xff{\"answer\":\"vouched\"\n");
        }),
        ("talks without end", |stream, _| while stream.write_all(&[b'['; 4096]).is_ok() {}),
        ("drips", |stream, _| {
            while stream.write_all(b" ").is_ok() {
                std::thread::park_timeout(Duration::from_millis(20));
            }
        }),
        ("refuses", |stream, _| {
            let _gone =
                stream.write_all(b"{\"answer\":\"failed\",\"message\":\"No phone is near.\"}\n");
        }),
    ];
    for (what, agent) in agents {
        let Some(stack) = Stack::before("pam_deny.so") else { return };
        stack.agent(agent);
        let told = stack.sign_in("root", &[]);
        assert!(!told.let_in, "an agent that {what}: {}", told.said);
        assert!(told.took < Duration::from_secs(3), "an agent that {what}: {:?}", told.took);
        assert_eq!(told.said.contains("No phone is near."), what == "refuses", "{}", told.said);
    }
}

#[test]
fn a_question_from_another_machine_never_reaches_the_agent() {
    let Some(stack) = Stack::before("pam_deny.so") else { return };
    let listener = UnixListener::bind(stack.socket()).unwrap();
    listener.set_nonblocking(true).unwrap();
    assert!(!stack.sign_in("root", &["rhost=10.0.0.7"]).let_in);
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

//! One PostgreSQL for all test processes of this user, started by the first and stopped when nobody is left; and servers of
//! one's own.
//!
//! Every process holds a shared lock on the file `clients` until it ends, however it ends. A watchdog, started with the
//! server, tries for the exclusive lock; once it gets it several times in a row it stops the server and removes its files.
//! Starting and stopping exclude each other by a lock on the file `turn`.
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio, id};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection as _, PgConnection};

/// For tests: quick, and gone when the machine stops.
const QUICK: &str = "-c listen_addresses='' -c fsync=off -c synchronous_commit=off \
    -c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB";

/// As in production: what is committed outlives the machine's end. The rest is PostgreSQL's default.
const DURABLE: &str = "-c listen_addresses='' -c max_connections=100 -c shared_buffers=128MB";

/// Stops the server after about ten seconds without a client.
const WATCHDOG: &str = r#"
idle=0
while sleep 2 && [ -d "$1" ]; do
  if flock --nonblock --exclusive "$1/clients" true; then idle=$((idle + 1)); else idle=0; fi
  if [ "$idle" -ge 5 ]; then
    flock --exclusive "$1/turn" sh -c '
      flock --nonblock --exclusive "$1/clients" true || exit 1
      eval "$2 -D \"$1/data\" -m immediate stop"
      rm -rf "$1/data"
    ' sh "$1" "$2" >/dev/null 2>&1 && exit 0
    idle=0
  fi
done
"#;

/// A running server, in its directory.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    directory: PathBuf,
    options: &'static str,
}

/// The newest PostgreSQL's programs, where Debian or `/usr/local` has them.
pub(super) fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    found.sort();
    found.push(PathBuf::from("/usr/local/bin"));
    found.into_iter().rev().find(|bin| bin.join("initdb").exists() && bin.join("pg_ctl").exists())
}

/// A PostgreSQL server of one's own that keeps what is committed, for measurements and for tests that stop it. It goes when this
/// is dropped.
#[derive(Debug)]
pub struct OwnPostgres {
    cluster: Cluster,
    programs: PathBuf,
    account: Account,
    /// For the watchdog, should the process end without dropping this.
    _client: File,
}

impl OwnPostgres {
    /// Starts one; `None`, with a line that says so, where PostgreSQL is not installed.
    pub fn start() -> io::Result<Option<Self>> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Some(programs) = super::programs() else { return Ok(None) };
        let account = Account::current()?;
        let name = format!("imp-own-postgres-{}-{}", id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(name);
        make_directory(&directory)?;
        let client = File::create(directory.join("clients"))?;
        client.lock_shared()?;
        let cluster = Cluster { directory, options: DURABLE };
        cluster.start(&programs, &account)?;
        Ok(Some(Self { cluster, programs, account, _client: client }))
    }

    /// Creates an empty database and answers its URL.
    pub async fn create_database(&self) -> Result<String, sqlx::Error> {
        self.cluster.create_database().await
    }

    /// Stops it as a power failure would: nobody is waited for, nothing is written any more.
    pub fn stop(&self) -> io::Result<()> {
        let mut stop = self.account.command(&self.programs.join("pg_ctl"));
        stop.arg("-D").arg(self.cluster.data());
        complete(stop.args(["-w", "-t", "60", "-m", "immediate", "stop"]))
    }

    /// Kills every process that serves a connection; the server then recovers by itself.
    pub fn kill_connections(&self) -> io::Result<()> {
        let pid = fs::read_to_string(self.cluster.data().join("postmaster.pid"))?;
        let pid = pid.lines().next().unwrap_or_default().to_owned();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        for child in children.split_whitespace() {
            let title = fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
            if title.contains("[local]") {
                // It may have ended by itself.
                let _ended =
                    complete(Command::new("kill").args(["-9", child]).stderr(Stdio::null()));
            }
        }
        Ok(())
    }

    /// Starts it again, which recovers what was committed.
    pub fn start_again(&self) -> io::Result<()> {
        self.cluster.run(&self.programs, &self.account)
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        // It may be stopped already; what is left is a temporary folder.
        let _stopped = self.stop();
        let _removed = fs::remove_dir_all(&self.cluster.directory);
    }
}

/// Joins the running server, or starts it.
pub(super) fn join(programs: &Path) -> io::Result<Cluster> {
    static CLIENT: OnceLock<File> = OnceLock::new();
    let account = Account::current()?;
    let directory = std::env::temp_dir().join(format!("imp-test-postgres-{}", account.uid));
    make_directory(&directory)?;

    let turn = File::create(directory.join("turn"))?;
    turn.lock()?;
    let client = File::create(directory.join("clients"))?;
    client.lock_shared()?;
    // Held until the process ends.
    CLIENT.get_or_init(|| client);
    let cluster = Cluster { directory, options: QUICK };
    if !cluster.runs(programs, &account)? {
        cluster.start(programs, &account)?;
    }
    Ok(cluster)
}

/// Makes the directory for this account alone, and refuses one that somebody else made.
fn make_directory(directory: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o711).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    if fs::symlink_metadata(directory)?.uid() == fs::metadata("/proc/self")?.uid() {
        Ok(())
    } else {
        Err(io::Error::other("the directory belongs to another account"))
    }
}

/// Under which account the server runs: it refuses root.
#[derive(Debug)]
struct Account {
    uid: u32,
    prefix: &'static [&'static str],
}

impl Account {
    fn current() -> io::Result<Self> {
        let uid = fs::metadata("/proc/self")?.uid();
        let drop_root: &[&str] =
            &["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"];
        Ok(Self { uid, prefix: if uid == 0 { drop_root } else { &[] } })
    }

    fn command(&self, program: &Path) -> Command {
        let mut words = self.prefix.iter().map(Into::into).chain([program.to_path_buf()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).current_dir("/").stdin(Stdio::null());
        command
    }

    /// The command as one line for a shell. None of the words has a blank.
    fn line(&self, program: &Path) -> String {
        let program = program.display().to_string();
        [self.prefix, &[program.as_str()]].concat().join(" ")
    }
}

impl Cluster {
    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn runs(&self, programs: &Path, account: &Account) -> io::Result<bool> {
        let mut status = account.command(&programs.join("pg_ctl"));
        status.arg("-D").arg(self.data()).arg("status");
        Ok(self.data().exists() && status.output()?.status.success())
    }

    fn start(&self, programs: &Path, account: &Account) -> io::Result<()> {
        self.initialise(programs, account)?;
        self.run(programs, account)?;
        self.watch(&account.line(&programs.join("pg_ctl")))
    }

    fn initialise(&self, programs: &Path, account: &Account) -> io::Result<()> {
        if self.data().exists() {
            // Left by a machine that stopped: without fsync it may be torn.
            fs::remove_dir_all(self.data())?;
        }
        fs::create_dir(self.data())?;
        if account.uid == 0 {
            complete(Command::new("chown").arg("postgres:postgres").arg(self.data()))?;
        }
        let mut initdb = account.command(&programs.join("initdb"));
        initdb.args(["--username=postgres", "--auth=trust", "--locale=C", "--encoding=UTF8"]);
        complete(initdb.args(["--no-sync", "--pgdata"]).arg(self.data()))
    }

    fn run(&self, programs: &Path, account: &Account) -> io::Result<()> {
        let Self { options, .. } = self;
        let options = format!("{options} -c unix_socket_directories='{}'", self.data().display());
        let mut start = account.command(&programs.join("pg_ctl"));
        start.arg("-D").arg(self.data()).arg("-l").arg(self.data().join("log"));
        complete(start.args(["-w", "-t", "60", "-o", &options, "start"]))
    }

    fn watch(&self, pg_ctl: &str) -> io::Result<()> {
        let mut watchdog = Command::new("setsid");
        watchdog.args(["sh", "-c", WATCHDOG, "sh"]).arg(&self.directory).arg(pg_ctl);
        watchdog.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        watchdog.current_dir("/").spawn().map(drop)
    }

    /// Creates an empty database and answers its URL. It goes when the server goes.
    pub(super) async fn create_database(&self) -> Result<String, sqlx::Error> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let started = fs::metadata("/proc/self").and_then(|m| m.modified()).ok();
        let started = started.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        // Process ids come again; with the start of the process the name is unique.
        let started = started.unwrap_or_default().as_nanos();
        let name = format!("t{}_{started}_{}", id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let url = |database: &str| {
            format!("postgres://postgres@localhost/{database}?host={}", self.data().display())
        };
        let mut connection = PgConnection::connect(&url("postgres")).await?;
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        sqlx::query(sqlx::AssertSqlSafe(create)).execute(&mut connection).await?;
        connection.close().await?;
        Ok(url(&name))
    }
}

/// Runs a command to its end. Its output goes nowhere while it succeeds, and into the error when it does not.
fn complete(command: &mut Command) -> io::Result<()> {
    // Not pipes: a server started by pg_ctl would keep them open.
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("{command:?} ended with {status}")))
    }
}

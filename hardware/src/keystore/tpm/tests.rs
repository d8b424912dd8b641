use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::super::tests::{behaves_as_a_keystore, verifies};
use crate::keystore::{KeystoreConfig, KeystoreError};

/// A software TPM on loopback, with a state of its own.
struct Swtpm {
    process: Child,
    port: u16,
    state: TempDir,
}

impl Swtpm {
    /// Starts one; `None` if swtpm is not installed.
    fn start() -> Option<Self> {
        let state = tempfile::tempdir().unwrap();
        // Somebody may take the ports between the look and the start.
        for _ in 0..20 {
            let port = free_ports();
            let mut process = match spawn(state.path(), port) {
                Ok(process) => process,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    println!("skipped: swtpm is not installed");
                    return None;
                }
                Err(error) => panic!("{error}"),
            };
            if answers(&mut process, port) {
                return Some(Self { process, port, state });
            }
        }
        panic!("swtpm did not start");
    }

    /// Switches it off and on again: what was loaded is gone, its seeds are not.
    fn reset(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = spawn(self.state.path(), self.port).unwrap();
        assert!(answers(&mut self.process, self.port), "swtpm did not start again");
    }

    fn config(&self, directory: &Path) -> KeystoreConfig {
        let tcti = format!("swtpm:host=127.0.0.1,port={}", self.port);
        KeystoreConfig::Tpm { directory: directory.to_owned(), tcti }
    }
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port for commands, the next for control: the TSS expects them so.
fn free_ports() -> u16 {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

fn spawn(state: &Path, port: u16) -> std::io::Result<Child> {
    Command::new("swtpm")
        .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
        .args(["--tpmstate", &format!("dir={}", state.display())])
        .args(["--server", &format!("type=tcp,bindaddr=127.0.0.1,port={port}")])
        .args(["--ctrl", &format!("type=tcp,bindaddr=127.0.0.1,port={}", port + 1)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// Waits until it listens on both ports, or has given up because somebody else does.
fn answers(process: &mut Child, port: u16) -> bool {
    while process.try_wait().unwrap().is_none() {
        if listens(process.id(), port) && listens(process.id(), port + 1) {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

/// Whether the process itself listens on the port. Connecting would not tell whose port it is.
fn listens(process: u32, port: u16) -> bool {
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
    let address = format!("0100007F:{port:04X}");
    let listening = sockets.lines().find_map(|line| {
        let columns: Vec<_> = line.split_whitespace().collect();
        (columns[1] == address && columns[3] == "0A").then(|| format!("socket:[{}]", columns[9]))
    });
    let Some(socket) = listening else { return false };
    let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|to| to == Path::new(&socket)))
}

fn error_of<T>(result: Result<T, KeystoreError>) -> KeystoreError {
    result.err().unwrap()
}

#[test]
fn tpm_keys_sign_and_seal() {
    let Some(swtpm) = Swtpm::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("keys");
    behaves_as_a_keystore(&|| swtpm.config(&directory).open().unwrap());
}

#[test]
fn the_private_key_is_not_in_the_folder() {
    let Some(swtpm) = Swtpm::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("keys");
    swtpm.config(&directory).open().unwrap().create("workstation").unwrap();
    // The same blob on another TPM: nothing can be made of it.
    let thief = Swtpm::start().unwrap();
    let keystore = thief.config(&directory).open().unwrap();
    let error = error_of(keystore.load("workstation"));
    assert!(matches!(error, KeystoreError::Damaged(_)), "{error:?}");
}

#[test]
fn a_tpm_blob_that_was_tampered_with_is_refused() {
    let Some(swtpm) = Swtpm::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("keys");
    let keystore = swtpm.config(&directory).open().unwrap();
    keystore.create("workstation").unwrap();
    keystore.create("other").unwrap();
    let file = directory.join("workstation.tpm-key");
    let good = fs::read(&file).unwrap();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let of_another_label = fs::read(directory.join("other.tpm-key")).unwrap();
    let trailing = [&good[..], b"x"].concat();
    for bytes in [&flipped, &good[..60], b"", &of_another_label, &trailing] {
        fs::write(&file, bytes).unwrap();
        let error = error_of(keystore.load("workstation"));
        assert!(matches!(error, KeystoreError::Damaged(_)), "{error:?}");
    }
    fs::write(&file, &good).unwrap();
    assert!(verifies(keystore.load("workstation").unwrap().unwrap().as_ref(), b"hello"));
}

#[test]
fn threads_take_turns_at_the_tpm() {
    let Some(swtpm) = Swtpm::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let keystore = swtpm.config(&folder.path().join("keys")).open().unwrap();
    let signers = [keystore.create("one").unwrap(), keystore.create("two").unwrap()];
    std::thread::scope(|scope| {
        for signer in &signers {
            scope.spawn(|| {
                for number in 0..5 {
                    assert!(verifies(signer.as_ref(), &[number]));
                }
            });
        }
    });
}

#[test]
fn keys_can_be_used_after_the_tpm_was_reset() {
    let Some(mut swtpm) = Swtpm::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let keystore = swtpm.config(&folder.path().join("keys")).open().unwrap();
    let signer = keystore.create("workstation").unwrap();
    let sealed = keystore.seal("workstation", b"", b"journal").unwrap();
    swtpm.reset();
    assert!(verifies(signer.as_ref(), b"hello"));
    swtpm.reset();
    assert_eq!(keystore.unseal("workstation", b"", &sealed).unwrap().expose(), b"journal");
}

#[test]
fn a_machine_without_a_tpm_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("keys");
    for tcti in ["device:/dev/no-such-tpm", "nonsense"] {
        let config = KeystoreConfig::Tpm { directory: directory.clone(), tcti: tcti.to_owned() };
        let error = error_of(config.open());
        assert!(matches!(error, KeystoreError::NoTpm(..)), "{error:?}");
        assert!(error.to_string().contains(tcti), "{error}");
    }
}

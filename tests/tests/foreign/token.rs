//! The root's key in a PKCS #11 token of another maker, `SoftHSM`.
use std::fs;
use std::path::Path;
use std::process::Command;

use imp_tests::process::{self, Finished};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A folder with a token called `imp`, PIN 246810.
struct Token {
    folder: tempfile::TempDir,
}

impl Token {
    #[expect(clippy::print_stdout, reason = "says that it skips")]
    fn new() -> Option<Self> {
        if !Path::new(MODULE).exists() {
            println!("skipped: SoftHSM (Debian: softhsm2) is not installed");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("tokens");
        fs::create_dir(&store).unwrap();
        let config =
            format!("directories.tokendir = {}\nobjectstore.backend = file\n", store.display());
        fs::write(folder.path().join("softhsm2.conf"), config).unwrap();
        fs::write(folder.path().join("pin"), "246810\n").unwrap();
        fs::write(folder.path().join("wrong"), "135791\n").unwrap();
        let token = Self { folder };
        let arguments = ["--init-token", "--free", "--label", "imp", "--pin", "246810"];
        let mut made = token.command("softhsm2-util");
        let made = made.args(arguments).args(["--so-pin", "135790"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Some(token)
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("SOFTHSM2_CONF", self.folder.path().join("softhsm2.conf"));
        command.current_dir(self.folder.path());
        command
    }

    fn imp_server(&self, arguments: &[&str]) -> Finished {
        let mut command = self.command(process::binary("imp-server"));
        command.args(["--data", "data"]).args(arguments);
        process::run(&mut command).unwrap()
    }

    fn done(&self, arguments: &[&str]) -> String {
        let done = self.imp_server(arguments);
        assert_eq!(done.code, Some(0), "{arguments:?}: {}", done.stderr);
        done.stdout
    }
}

#[test]
fn a_root_in_a_token_signs_a_new_authority_and_is_nowhere_else() {
    let Some(token) = Token::new() else { return };
    let address = ["--module", MODULE, "--token", "imp", "--pin-file", "pin"];
    let with = |words: &[&'static str]| [words, &address[..]].concat();
    let before = token.done(&["ca", "status"]);
    assert!(before.starts_with("root  "), "{before}");
    token.done(&with(&["ca", "move-root"]));
    assert!(!token.folder.path().join("data/keys/root.key").exists());
    let twice = token.imp_server(&with(&["ca", "move-root"]));
    assert_eq!(twice.code, Some(1), "{}", twice.stdout);

    let without = token.imp_server(&["ca", "new-issuing"]);
    assert_eq!(without.code, Some(1));
    assert!(without.stderr.contains("--module"), "{}", without.stderr);
    let wrong = ["--module", MODULE, "--token", "imp", "--pin-file", "wrong"];
    let wrong = token.imp_server(&[&["ca", "new-issuing"][..], &wrong].concat());
    assert_eq!(wrong.code, Some(1), "{}", wrong.stdout);

    let made = token.done(&with(&["ca", "new-issuing"]));
    assert!(made.contains("issues from now on"), "{made}");
    let after = token.done(&["ca", "status"]);
    assert!(after.starts_with("root, off line"), "{after}");
    assert_eq!(after.lines().count(), 3, "the root and both authorities: {after}");
    // Whatever the token signed, OpenSSL verifies by the root alone.
    let keys = token.folder.path().join("data/keys");
    let issuing = fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().path());
    let issuing: Vec<_> = issuing
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("issuing-") && name.ends_with(".pem")
        })
        .collect();
    assert_eq!(issuing.len(), 1);
    let mut verify = token.command("openssl");
    verify.args(["verify", "-x509_strict", "-CAfile"]).arg(keys.join("root.pem")).arg(&issuing[0]);
    let verified = verify.output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

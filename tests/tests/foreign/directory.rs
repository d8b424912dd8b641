//! People taken over from a real directory: `slapd`, over TLS, page by page.
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use imp_identity::Secret;
use imp_ldap::{Credentials, ReadError, Settings, read};
use imp_tests::frozen::{Frozen, moment};
use imp_tests::process::{self, POLL, Running};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;

use super::house::{House, free_port};

const PEOPLE: usize = 1200;
const MINUTE: std::time::Duration = std::time::Duration::from_mins(1);
const ADMINISTRATOR: &str = "cn=admin,dc=hospital,dc=example";
/// An account that only reads, and that the directory answers at most 200 entries at a time.
const READER: &str = "cn=imp,dc=hospital,dc=example";

/// A directory with many people, which ends with it.
struct Directory {
    folder: tempfile::TempDir,
    running: Option<Running>,
    plain: u16,
    tls: u16,
}

impl Directory {
    fn open(people: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir(path.join("db")).unwrap();
        authority(path);
        fs::write(path.join("slapd.conf"), configuration(path)).unwrap();
        fs::write(path.join("people.ldif"), ldif(people)).unwrap();
        let mut load = Command::new("/usr/sbin/slapadd");
        load.arg("-q")
            .arg("-f")
            .arg(path.join("slapd.conf"))
            .arg("-l")
            .arg(path.join("people.ldif"));
        let loaded = process::run(&mut load).unwrap();
        assert_eq!(loaded.code, Some(0), "{}", loaded.stderr);
        let mut directory = Self { folder, running: None, plain: free_port(), tls: free_port() };
        directory.start();
        directory
    }

    fn start(&mut self) {
        let (plain, tls) = (self.plain, self.tls);
        let mut command = Command::new("/usr/sbin/slapd");
        command.args(["-d", "0", "-f"]).arg(self.folder.path().join("slapd.conf"));
        command.arg("-h").arg(format!("ldap://127.0.0.1:{plain}/ ldaps://127.0.0.1:{tls}/"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.running = Some(Running::start("slapd", &mut command).unwrap());
        while std::net::TcpStream::connect(("127.0.0.1", tls)).is_err() {
            std::thread::sleep(POLL);
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn settings(&self, more: &str) -> Settings {
        let text = format!(
            "url = \"ldaps://localhost:{}\"\nca_file = \"{}\"\nbind_dn = \"{READER}\"\npassword_file = \"{}\"\n\
             base = \"ou=people,dc=hospital,dc=example\"\npage = 100\nminutes = 0\n{more}",
            self.tls,
            self.file("ca.pem").display(),
            self.file("password").display(),
        );
        let settings: Settings = toml::from_str(&text).unwrap();
        settings.validate().unwrap();
        settings
    }

    fn credentials(&self, password: &str) -> Credentials {
        let ca = fs::read_to_string(self.file("ca.pem")).unwrap();
        Credentials { password: Some(Secret::new(password.to_owned())), ca: Some(ca) }
    }

    /// Changes the directory as its administrator.
    fn modify(&self, program: &str, ldif: &str) {
        let file = self.file("change.ldif");
        fs::write(&file, ldif).unwrap();
        let mut command = Command::new(format!("/usr/bin/{program}"));
        command.args(["-x", "-D", ADMINISTRATOR, "-w", "secret", "-H"]);
        command.arg(format!("ldap://127.0.0.1:{}", self.plain)).arg("-f").arg(file);
        let changed = process::run(&mut command).unwrap();
        assert_eq!(changed.code, Some(0), "{}", changed.stderr);
    }
}

/// A certificate authority, and a certificate of it for localhost.
fn authority(folder: &Path) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &ca).unwrap();
    fs::write(folder.join("ca.pem"), ca.pem()).unwrap();
    fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    fs::write(folder.join("password"), "secret\n").unwrap();
}

fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\n\
         modulepath /usr/lib/ldap\nmoduleload back_mdb\n\
         TLSCACertificateFile {folder}/ca.pem\nTLSCertificateFile {folder}/cert.pem\n\
         TLSCertificateKeyFile {folder}/key.pem\n\
         sizelimit size.soft=200 size.hard=200 size.prtotal=unlimited\n\
         database mdb\nmaxsize 104857600\nsuffix \"dc=hospital,dc=example\"\n\
         rootdn \"{ADMINISTRATOR}\"\nrootpw secret\ndirectory {folder}/db\nindex objectClass eq\n"
    )
}

fn ldif(people: usize) -> String {
    let mut text = String::from(
        "dn: dc=hospital,dc=example\nobjectClass: organization\nobjectClass: dcObject\no: Hospital\n\n\
         dn: cn=imp,dc=hospital,dc=example\nobjectClass: organizationalRole\n\
         objectClass: simpleSecurityObject\nuserPassword: secret\n\n\
         dn: ou=people,dc=hospital,dc=example\nobjectClass: organizationalUnit\n\n",
    );
    for n in 0..people {
        text.push_str(&entry(n));
    }
    text
}

fn entry(n: usize) -> String {
    let mut text = String::new();
    write!(
        text,
        "dn: uid=N{n:04},ou=people,dc=hospital,dc=example\nobjectClass: inetOrgPerson\nuid: N{n:04}\n\
         cn: Nurse {n}\nsn: {n}\ngivenName: Nurse\nmail: n{n}@hospital.example\nou: Ward {}\n\n",
        n % 20
    )
    .unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_read_page_by_page_and_only_over_what_is_trusted() {
    let mut directory = Directory::open(PEOPLE);
    let settings = directory.settings("");
    let found = read(&settings, &directory.credentials("secret")).await.unwrap();
    assert_eq!((found.people.len(), found.skipped.len()), (PEOPLE, 0));
    let first = found.people.iter().find(|it| it.username.as_str() == "n0007").unwrap();
    assert_eq!(first.display_name.as_str(), "Nurse 7");
    assert_eq!(first.unit.as_ref().unwrap().as_str(), "Ward 7");

    let wrong = read(&settings, &directory.credentials("guess")).await.unwrap_err();
    assert!(matches!(wrong, ReadError::Credentials), "{wrong:?}");

    let starttls = Settings {
        url: format!("ldap://localhost:{}", directory.plain),
        starttls: true,
        ..settings.clone()
    };
    let found = read(&starttls, &directory.credentials("secret")).await.unwrap();
    assert_eq!(found.people.len(), PEOPLE);

    // Another authority's certificate, and nobody's.
    let other = tempfile::tempdir().unwrap();
    authority(other.path());
    let ca = fs::read_to_string(other.path().join("ca.pem")).unwrap();
    let mistrusting = Credentials { ca: Some(ca), ..directory.credentials("secret") };
    let refused = read(&settings, &mistrusting).await.unwrap_err();
    assert!(matches!(refused, ReadError::Connect(_)), "{refused:?}");

    directory.running = None;
    let away = read(&settings, &directory.credentials("secret")).await.unwrap_err();
    assert!(matches!(away, ReadError::Connect(_)), "{away:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_join_move_and_leave_with_the_directory() {
    let mut directory = Directory::open(40);
    let settings = directory.settings("most_leavers_percent = 10");
    let house = House::open_with(|config| config.directory.ldap = Some(settings)).await;
    let config = house.folder.path().join("imp.toml");
    let ldap = format!(
        "[directory.ldap]\nurl = \"ldaps://localhost:{}\"\nca_file = {:?}\nbind_dn = \"{READER}\"\n\
         password_file = {:?}\nbase = \"ou=people,dc=hospital,dc=example\"\npage = 10\n",
        directory.tls,
        directory.file("ca.pem"),
        directory.file("password"),
    );
    fs::write(&config, ldap).unwrap();
    let path = config.display().to_string();
    let import = |more: &[&str]| {
        let arguments = [&["--config", path.as_str(), "directory", "import"], more].concat();
        house.command_line(&arguments).stdout
    };
    assert!(import(&["--dry-run"]).ends_with("would create 40, change 0, disable 0\n"));
    assert!(import(&[]).ends_with("created 40, changed 0, disabled 0, refused 0\n"));
    assert!(import(&[]).ends_with("created 0, changed 0, disabled 0, refused 0\n"));

    let move_one = "dn: uid=N0001,ou=people,dc=hospital,dc=example\nchangetype: modify\nreplace: ou\nou: Surgery\n";
    directory.modify("ldapmodify", move_one);
    directory.modify("ldapdelete", "uid=N0002,ou=people,dc=hospital,dc=example\n");
    assert!(import(&["--dry-run"]).contains("- n0002\n"));
    assert!(import(&[]).ends_with("created 0, changed 1, disabled 1, refused 0\n"));
    let users = house.ask("/v1/users?limit=500", None).await;
    let found = |name: &str| {
        let users: &Vec<Value> = users["users"].as_array().unwrap();
        users.iter().find(|it| it["username"] == name).unwrap().clone()
    };
    assert_eq!(found("n0001")["unit"], "Surgery");
    assert_eq!(
        (&found("n0002")["active"], &found("n0003")["active"]),
        (&false.into(), &true.into())
    );

    // Ten of 39 are gone at once: something is wrong with the directory, and nobody is disabled.
    let gone: Vec<String> =
        (10..20).map(|n| format!("uid=N{n:04},ou=people,dc=hospital,dc=example\n")).collect();
    directory.modify("ldapdelete", &gone.concat());
    let mut command = Command::new(process::binary("imp-server"));
    command.arg("--data").arg(house.data()).args(["--config", &path, "directory", "import"]);
    let refused = process::run(&mut command).unwrap();
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("10 of 39 people would leave at once"), "{}", refused.stderr);
    directory.running = None;
    let users = house.ask("/v1/users?limit=500", None).await;
    let active = users["users"].as_array().unwrap().iter().filter(|it| it["active"] == true);
    assert_eq!(active.count(), 40, "39 and the administrator");
}

impl House {
    /// Who is active, but for the administrator.
    async fn staff(&self) -> usize {
        let users = self.ask("/v1/users?limit=500", None).await;
        let users = users["users"].as_array().unwrap();
        users.iter().filter(|it| it["active"] == true && it["role"] == "staff").count()
    }

    /// Waits until so many imports are in the log, and tells which failed.
    async fn imports(&self, count: usize) -> Vec<Option<String>> {
        let until = std::time::Instant::now() + process::PATIENCE;
        loop {
            let mut command = Command::new(process::binary("imp-server"));
            command.arg("--data").arg(self.data());
            command.args(["events", "--kind", "directory-imported", "--json", "--all"]);
            // The server has this thread, and may be in the middle of an import.
            let read = tokio::task::spawn_blocking(move || process::run(&mut command).unwrap());
            let read = read.await.unwrap();
            assert_eq!(read.code, Some(0), "{}", read.stderr);
            let found: Vec<Option<String>> = read.stdout.lines().map(problem).collect();
            if found.len() >= count {
                return found;
            }
            assert!(std::time::Instant::now() < until, "{} imports, not {count}", found.len());
            moment().await;
        }
    }
}

/// Why an import failed, by its line of the log.
fn problem(line: &str) -> Option<String> {
    fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
        let object = value.as_object()?;
        object.get(name).or_else(|| object.values().find_map(|inner| member(inner, name)))
    }
    let line: Value = serde_json::from_str(line).unwrap();
    member(&line, "problem").and_then(Value::as_str).map(str::to_owned)
}

#[tokio::test]
async fn the_schedule_goes_on_when_the_directory_was_away_and_nobody_is_lost_meanwhile() {
    let mut directory = Directory::open(20);
    let settings = Settings { minutes: 30, ..directory.settings("") };
    let house = House::open_with(|config| config.directory.ldap = Some(settings)).await;
    let time = Frozen::from_now_on();
    moment().await;
    time.passes(MINUTE * 29).await;
    assert_eq!(house.staff().await, 0, "not before its time");
    time.passes(MINUTE).await;
    assert_eq!(house.imports(1).await, [None]);
    assert_eq!(house.staff().await, 20);

    let mover = "dn: uid=N0001,ou=people,dc=hospital,dc=example\nchangetype: modify\nreplace: ou\nou: Surgery\n";
    directory.modify("ldapmodify", mover);
    directory.modify("ldapdelete", "uid=N0002,ou=people,dc=hospital,dc=example\n");
    directory.running = None;
    for failed in [1, 2] {
        time.passes(MINUTE * 30).await;
        let imports = house.imports(1 + failed).await;
        let why = imports.last().unwrap().clone().expect("an import without a directory");
        assert!(why.starts_with("the directory was not read"), "{why}");
        assert_eq!(house.staff().await, 20, "whom nobody can look up stays");
    }

    directory.start();
    time.passes(MINUTE * 30).await;
    assert_eq!(house.imports(4).await.last(), Some(&None));
    assert_eq!(house.staff().await, 19);
    let users = house.ask("/v1/users?limit=500", None).await;
    let first = users["users"].as_array().unwrap().iter().find(|it| it["username"] == "n0001");
    assert_eq!(first.unwrap()["unit"], "Surgery");
    time.passes(MINUTE * 29).await;
    assert_eq!(house.imports(4).await.len(), 4, "and then waits again");
}

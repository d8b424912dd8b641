//! The phone on the Java virtual machine: generated Kotlin over our library, keys of a Java `KeyStore`, a radio and records of its own.
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use imp_identity::Digest;
use imp_tests::demo::Narrator;
use imp_tests::process::{self, binary};
use imp_tests::{python, source_tree};

use super::attacker;
use super::life::{Foreign, Ward, lives};

/// Where Debian's `libjna-java` puts how Java calls native libraries.
const JNA: &str = "/usr/share/java/jna.jar";
const LIBRARY: &str = "libimp_phone_bindings.so";

/// The compiler's jars, which a Python package brings.
fn jars() -> PathBuf {
    let python = python::interpreter().expect("tests/setup/python.sh makes it");
    let environment = python.ancestors().nth(2).expect("a folder");
    let versions = fs::read_dir(environment.join("lib")).expect("an environment");
    let package = "site-packages/run_kotlin_kernel/jars";
    let mut found = versions.flatten().map(|version| version.path().join(package));
    found.find(|jars| jars.is_dir()).expect("run tests/setup/python.sh (kotlin-jupyter-kernel)")
}

fn jar(jars: &Path, beginning: &str) -> PathBuf {
    let files = fs::read_dir(jars).expect("jars").flatten().map(|file| file.path());
    let named = |file: &PathBuf| {
        file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(beginning))
    };
    files
        .filter(named)
        .min()
        .unwrap_or_else(|| panic!("no {beginning}….jar: tests/setup/python.sh"))
}

fn joined(paths: &[&Path]) -> OsString {
    std::env::join_paths(paths).expect("paths without colons")
}

/// Writes what calls the library in `language` into `folder`.
pub(super) fn generate(language: &str, folder: &Path) {
    let mut command = Command::new(binary("uniffi-bindgen"));
    command.args(["generate", "--no-format", "--metadata-no-deps", "--language", language]);
    command.arg("--out-dir").arg(folder).arg(binary(LIBRARY));
    command.current_dir(source_tree::root().join("hardware/phone/bindings"));
    let done = process::run(&mut command).expect("uniffi-bindgen runs");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
}

/// The phone's jar; compiled only when a source has changed.
fn compiled(jars: &Path) -> PathBuf {
    let place = binary(LIBRARY).ancestors().nth(2).expect("a folder").join("kotlin-phone");
    fs::create_dir_all(&place).expect("a folder");
    let lock = File::create(place.join("lock")).expect("a lock");
    lock.lock().expect("nobody else compiles");
    let generated = tempfile::tempdir().expect("a folder");
    generate("kotlin", generated.path());
    let mut sources = vec![generated.path().join("imp/phone/imp_phone_bindings.kt")];
    let ours = source_tree::files("hardware/phone/kotlin");
    sources.extend(ours.into_iter().filter(|file| file.extension().is_some_and(|e| e == "kt")));
    let texts: Vec<_> = sources.iter().map(|file| fs::read(file).expect("a source")).collect();
    let texts: Vec<_> = texts.iter().map(Vec::as_slice).collect();
    let made = place.join(format!("{}.jar", Digest::of(&texts)));
    if !made.is_file() {
        compile(jars, &sources, &made);
    }
    made
}

fn compile(jars: &Path, sources: &[PathBuf], made: &Path) {
    let compiler = jar(jars, "kotlin-jupyter-kernel-");
    let (library, annotations) = (jar(jars, "kotlin-stdlib-"), jar(jars, "annotations-"));
    let new = made.with_extension("new.jar");
    let mut command = Command::new("java");
    command.args(["-Xmx768m", "-XX:TieredStopAtLevel=1", "-cp"]);
    command.arg(joined(&[&compiler, &library, &annotations]));
    command.arg("org.jetbrains.kotlin.cli.jvm.K2JVMCompiler");
    command.args(["-no-stdlib", "-no-reflect", "-jvm-target", "17", "-classpath"]);
    command.arg(joined(&[&library, Path::new(JNA)])).arg("-d").arg(&new).args(sources);
    // A slow machine may need more than the patience for one answer.
    let output = command.output().expect("tests/setup/debian.sh test (openjdk-17-jre-headless)");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    // Warnings in what is generated are not ours.
    let ours: Vec<_> =
        said.lines().filter(|line| line.contains("hardware/phone/kotlin/")).collect();
    assert!(ours.is_empty(), "{ours:#?}");
    fs::rename(&new, made).expect("the jar is in place");
}

fn phone() -> Vec<OsString> {
    let jars = jars();
    let (phone, library) = (compiled(&jars), jar(&jars, "kotlin-stdlib-"));
    let mut found = OsString::from("LD_LIBRARY_PATH=");
    found.push(binary(LIBRARY).parent().expect("a folder"));
    let class_path = joined(&[&phone, &library, Path::new(JNA)]);
    vec![
        "env".into(),
        found,
        "java".into(),
        "-Xmx128m".into(),
        "-XX:TieredStopAtLevel=1".into(),
        "-cp".into(),
        class_path,
        "imp.phone.jvm.MainKt".into(),
    ]
}

#[test]
fn a_phone_in_kotlin_is_bound_enrolled_taps_in_and_out_renews_and_erases() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut ward = Ward::open(folder.path(), &narrator, phone());
    lives(&mut ward);
    let verified = ward.phone.ask(&["verify"]).expect("the log agrees");
    assert!(verified.trim_end().ends_with("sound=true"), "{verified}");
    assert!(verified.contains("tap-accepted PROVEN"), "{verified}");
    let gone = ward.phone.ask(&["erase", "everything"]).expect("erased");
    assert!(gone.contains("everything=true") && gone.contains("revoked=Now"), "{gone}");
    assert!(ward.phone.ask(&["status"]).expect("a status").contains("bound to nobody"));
}

#[test]
fn a_phone_in_kotlin_keeps_nothing_readable_in_its_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut ward = Ward::open(folder.path(), &narrator, phone());
    ward.admits(&[]);
    ward.phone.stop();
    let files: Vec<_> = fs::read_dir(folder.path().join("foreign")).expect("records").collect();
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        let path = file.expect("a file").path();
        let bytes = fs::read(&path).expect("a record");
        for text in ["https://", "spiffe", "tap-accepted", "identifier_key", "Ward 3 left"] {
            let found = bytes.windows(text.len()).any(|part| part == text.as_bytes());
            assert!(!found, "{} says {text}", path.display());
        }
    }
}

#[test]
fn the_owner_of_a_phone_in_kotlin_is_asked_and_may_say_no() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut ward = Ward::open(folder.path(), &narrator, phone());
    ward.phone.run(&["ask", "no"]);
    assert_ne!(ward.tap(&[]).outcome(), "accepted");
    ward.phone.says("question: Ward 3 left asks for a tap-in. Release?");
    ward.phone.says("asked TAP_IN by Ward 3 left: declined: it was not confirmed on the phone");
    ward.phone.run(&["ask", "yes"]);
    ward.admits(&[]);
    ward.phone.says("asked TAP_IN by Ward 3 left: released");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_replays_get_nothing_of_a_phone_in_kotlin() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut ward = Ward::open(folder.path(), &narrator, phone());
    attacker::gets_nothing(&mut ward, folder.path(), &narrator).await;
}

#[test]
fn a_phone_in_kotlin_refuses_what_is_no_invitation_and_a_server_that_is_not_the_pinned_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrator = Narrator::silent();
    let mut hospital =
        imp_tests::demo::hospital::Hospital::new(folder.path(), "hospital", &narrator).unwrap();
    hospital.open().expect("a server");
    let phone = Foreign::new(phone(), folder.path(), hospital.air());
    let printed = hospital.administer(&["workstation", "add", "Spare"]).expect("an invitation");
    let workstations = printed.lines().last().expect("a line").trim();
    for text in ["hello", workstations] {
        let refused = phone.ask(&["bind", text]).expect_err("no invitation for a phone");
        assert!(refused.contains("BindException$Invitation"), "{refused}");
    }
    let (server, rest) = workstations.split_once("&ca=").expect("an invitation");
    let (_, code) = rest.split_once("&code=").expect("a code");
    let server = server.replace("imp:enrol", "imp:bind");
    let forged = format!("{server}&ca={}&code={code}", "0".repeat(64));
    let refused = phone.ask(&["bind", &forged]).expect_err("somebody in the middle");
    assert!(refused.contains("BindException$NotTheServer"), "{refused}");
    assert!(phone.ask(&["status"]).expect("a status").contains("bound to nobody"));
}

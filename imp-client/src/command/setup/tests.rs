use super::*;

fn dialogue(answers: &'static str) -> Dialogue<&'static [u8]> {
    Dialogue::new(answers.as_bytes(), true)
}

fn device(name: &str) -> Device {
    Device { name: name.to_owned(), title: String::new() }
}

fn setup() -> Setup {
    Setup {
        invitation: None,
        camera: None,
        adapter: None,
        desktop: None,
        shared: vec![],
        output: None,
        no_questions: false,
    }
}

#[test]
fn an_answer_that_is_not_understood_is_asked_for_again() {
    let found = [device("hci0"), device("hci1")];
    let chosen = dialogue("three\n9\n0\n2\n").choose("The adapter", &found).unwrap();
    assert_eq!(chosen.as_deref(), Some("hci1"));
    assert_eq!(dialogue("\n").choose("The adapter", &found).unwrap().as_deref(), Some("hci0"));
    assert!(dialogue("maybe\nYes\n").ask("Sure", None, truth).unwrap());
    assert_eq!(dialogue("").choose("The adapter", &[]).unwrap(), None);
}

#[test]
fn answers_that_end_or_never_end_are_errors() {
    let found = [device("hci0")];
    dialogue("x\n").choose("The adapter", &found).unwrap_err();
    let endless = vec![b'a'; 100_000];
    Dialogue::new(endless.as_slice(), true).ask("Sure", None, truth).unwrap_err();
    let senseless = "perhaps\n".repeat(100);
    Dialogue::new(senseless.as_bytes(), true).ask("Sure", None, truth).unwrap_err();
}

#[test]
fn where_nobody_is_asked_the_flags_decide() {
    let mut silent = Dialogue::new(&b""[..], false);
    let flags = Setup {
        camera: Some("/dev/video7".into()),
        adapter: Some("hci3".to_owned()),
        desktop: Some(DesktopKind::Logind),
        shared: vec!["ward".to_owned()],
        ..setup()
    };
    assert_eq!(flags.camera(&mut silent).unwrap(), Some("/dev/video7".into()));
    assert_eq!(flags.adapter(&mut silent).unwrap().as_deref(), Some("hci3"));
    let shared = vec!["ward".to_owned()];
    assert_eq!(flags.desktop(&mut silent).unwrap(), DesktopChoice::Logind { shared });
    let none = Setup { desktop: Some(DesktopKind::None), ..setup() };
    assert_eq!(none.desktop(&mut silent).unwrap(), DesktopChoice::None);
    silent.ask("An invitation", None, |text| Ok(text.to_owned())).unwrap_err();
}

#[test]
fn accounts_are_names_with_spaces_between() {
    assert_eq!(accounts("").unwrap(), Vec::<String>::new());
    assert_eq!(accounts(" ward  icu-2 ").unwrap(), ["ward", "icu-2"]);
    accounts("ward; rm").unwrap_err();
}

#[tokio::test]
async fn a_machine_that_is_not_enrolled_says_what_is_missing_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = imp_client::StateDirectory::open(folder.path().join("state")).unwrap();
    let context = Context { state, config: ClientConfig::default() };
    let file = folder.path().join("client.toml");
    let mut silent = Dialogue::new(&b""[..], false);
    let error = setup().run_with(context, Some(file.clone()), &mut silent).await.unwrap_err();
    assert!(error.to_string().contains("invitation"), "{error}");
    assert!(!file.exists());
}

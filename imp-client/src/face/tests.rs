use super::*;
use clap::Parser;

#[derive(Parser)]
struct Program {
    #[command(subcommand)]
    command: FaceCommand,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn photograph(name: &str) -> String {
    root().join("tests/data/faces").join(name).display().to_string()
}

fn face(arguments: &[&str]) -> (Result<Answer, FaceError>, String) {
    let program = Program::try_parse_from(["face"].iter().chain(arguments)).unwrap();
    let config = ClientConfig { models: Some(root().join("models")), ..Default::default() };
    let mut out = Vec::new();
    let answer = run(&program.command, &config, Timestamp::UNIX_EPOCH, &mut out);
    (answer, String::from_utf8(out).unwrap())
}

#[test]
fn comparing_says_same_person_or_different_people() {
    let (answer, text) = face(&["compare", &photograph("obama.jpg"), &photograph("obama2.jpg")]);
    assert_eq!(answer.unwrap(), Answer::Yes, "{text}");
    assert!(
        text.contains("same person") && text.contains("threshold") && text.contains("embed"),
        "{text}"
    );
    let (answer, text) = face(&["compare", &photograph("obama.jpg"), &photograph("biden.jpg")]);
    assert_eq!(answer.unwrap(), Answer::No);
    assert!(text.contains("different people"), "{text}");
}

#[test]
fn json_carries_the_evidence() {
    let (answer, text) =
        face(&["compare", "--json", &photograph("obama.jpg"), &photograph("obama3.jpg")]);
    answer.unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["outcome"], "match");
    assert_eq!(value["attack"], "bona-fide");
    assert!(value["similarity"].as_f64().unwrap() >= value["threshold"].as_f64().unwrap());
    assert_eq!(value["reference"]["faces"].as_array().unwrap().len(), 1);
    assert!(value["probe"]["faces"][0]["face"]["landmarks"]["nose"]["x"].is_number());
    assert!(value["steps"].as_array().unwrap().iter().any(|s| s["name"] == "load"));
}

#[test]
fn a_drawn_mask_is_seen_and_the_person_still_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("masked.png").display().to_string();
    let (answer, _) = face(&["mask", &photograph("obama.jpg"), &target, "--style", "respirator"]);
    assert_eq!(answer.unwrap(), Answer::Yes);
    let (_, text) = face(&["inspect", "--json", &target]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["faces"][0]["mask_worn"], true);
    let (answer, text) = face(&["compare", &photograph("obama2.jpg"), &target]);
    assert_eq!(answer.unwrap(), Answer::Yes, "{text}");
}

#[test]
fn each_kind_of_bad_picture_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.jpg");
    std::fs::write(&text, "no picture").unwrap();
    let (answer, _) = face(&["inspect", &text.display().to_string()]);
    assert!(matches!(answer, Err(FaceError::Picture { source: ImageError::NotAnImage, .. })));
    let (answer, _) = face(&["inspect", "/nonexistent.jpg"]);
    assert!(matches!(
        answer,
        Err(FaceError::Picture { source: ImageError::Unreadable { .. }, .. })
    ));
    let blank = folder.path().join("blank.png");
    let picture = Image::from_rgb(64, 64, vec![90; 64 * 64 * 3]).unwrap();
    std::fs::write(&blank, picture.to_png().unwrap()).unwrap();
    let blank = blank.display().to_string();
    assert_eq!(face(&["inspect", &blank]).0.unwrap(), Answer::No);
    assert!(matches!(
        face(&["compare", &blank, &photograph("obama.jpg")]).0,
        Err(FaceError::Reference { .. })
    ));
    assert!(matches!(
        face(&["compare", &photograph("obama.jpg"), &blank]).0,
        Err(FaceError::Probe { .. })
    ));
    assert!(matches!(
        face(&["mask", &blank, "/nonexistent/out.png"]).0,
        Err(FaceError::Draw { .. })
    ));
}

#[test]
fn a_folder_without_models_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().display().to_string();
    let (answer, _) = face(&["inspect", "--models", &folder, &photograph("obama.jpg")]);
    assert!(matches!(answer, Err(FaceError::Models(_))));
}

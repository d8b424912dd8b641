use super::*;
use clap::Parser;
use std::os::unix::fs::PermissionsExt as _;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    evaluate: Evaluate,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Three people of the public-domain photographs, one of them with three photographs and one with a mask; a picture that
/// is none, and one without a face.
fn dataset() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put = |from: &str, to: &str| {
        let to = folder.path().join("staff").join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(root().join("tests/data/faces").join(from), to).unwrap();
    };
    put("obama.jpg", "barack/1.jpg");
    put("obama2.jpg", "barack/2.jpg");
    put("obama3.jpg", "barack/3.jpg");
    put("obama3-masked.jpg", "barack/masked/4.jpg");
    put("biden.jpg", "joe/1.jpg");
    put("astronaut.png", "eileen/1.png");
    let staff = folder.path().join("staff");
    fs::write(staff.join("joe/2.jpg"), "no picture").unwrap();
    let grey = imp_biometrics::Image::from_rgb(96, 96, vec![90; 96 * 96 * 3]).unwrap();
    fs::write(staff.join("eileen/2.png"), grey.to_png().unwrap()).unwrap();
    fs::write(staff.join("people.csv"), "person,office\nbarack,president\njoe,president\n")
        .unwrap();
    folder
}

fn evaluated(folder: &Path, more: &[&str]) -> (Result<Answer, EvaluateError>, String) {
    let (staff, results) = (folder.join("staff"), folder.join("out"));
    let config = ClientConfig { models: Some(root().join("models")), ..Default::default() };
    let base = [
        "evaluate",
        staff.to_str().unwrap(),
        "--out",
        results.to_str().unwrap(),
        "--resample",
        "100",
    ];
    let program = Program::try_parse_from(base.iter().chain(more)).unwrap();
    let mut out = Vec::new();
    let answer = run(&program.evaluate, &config, Timestamp::UNIX_EPOCH, &mut out);
    (answer, String::from_utf8(out).unwrap())
}

fn report(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(folder.join("out").join(REPORT)).unwrap()).unwrap()
}

#[test]
fn a_small_folder_gives_a_report_and_says_what_it_is_too_small_for() {
    let folder = dataset();
    let (answer, text) = evaluated(
        folder.path(),
        &["--threads", "2", "--data", "public-domain photographs <of three people>"],
    );
    let answer = answer.unwrap();
    let report = report(folder.path());
    assert_eq!(report["people"], 3);
    assert_eq!(report["pictures"], 8);
    let curve = report["curves"].as_array().unwrap();
    let curve = curve.iter().find(|c| c["enrolment"] == "one" && c["probes"] == "bare").unwrap();
    assert!(curve["points"].as_array().unwrap().len() > 5, "three photographs of one are probes");
    assert_eq!(curve["equal_error_rate"], 0.0, "nobody looks like another of these three");
    let thresholds = report["thresholds"].as_array().unwrap();
    assert!(!thresholds.is_empty() && thresholds.iter().all(|t| t["support"] == "none"));
    let refused = &report["acquisition"][0];
    assert_eq!(
        (refused["shows"].as_str(), refused["refused"]["errors"].as_u64()),
        (Some("bare"), Some(2))
    );
    let reasons = refused["reasons"].as_object().unwrap();
    assert!(reasons.contains_key("no face was found"), "{reasons:?}");
    assert!(reasons.contains_key("not a JPEG or PNG picture"), "{reasons:?}");
    assert_eq!(answer, Answer::No, "nothing of these few photographs may become a threshold");
    assert!(text.contains("too few"), "{text}");
    assert!(!folder.path().join("out").join(CALIBRATION).exists());
    let page = fs::read_to_string(folder.path().join("out").join(PAGE)).unwrap();
    assert!(page.contains("<svg") && page.contains("What may not be concluded"), "{page}");
    assert!(page.contains("&lt;of three people&gt;"));
    for outside in ["http:", "https:", "<script", "<link", "src="] {
        let inside = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!inside.contains(outside), "{outside}");
    }
    for name in ["barack", "eileen"] {
        assert!(!page.contains(name) && !report.to_string().contains(name), "{name}");
    }
    let refused = folder.path().join("out").join(REFUSED);
    assert_eq!(fs::metadata(&refused).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(refused).unwrap().contains("eileen/2.png"));
    assert!(!folder.path().join("out").join(MEASUREMENTS).exists(), "biometric data are removed");
    assert!(text.contains("removed"));
}

#[test]
fn an_interrupted_evaluation_goes_on_and_comes_to_the_same_result() {
    let folder = dataset();
    let (whole, _) = evaluated(folder.path(), &["--keep-measurements"]);
    whole.unwrap();
    let first = report(folder.path());
    let measurements = folder.path().join("out").join(MEASUREMENTS);
    assert_eq!(fs::metadata(&measurements).unwrap().permissions().mode() & 0o777, 0o600);
    // As a kill leaves it: the last record is half written.
    let bytes = fs::read(&measurements).unwrap();
    fs::write(&measurements, &bytes[..bytes.len() - 1000]).unwrap();
    let (refused, _) = evaluated(folder.path(), &[]);
    assert!(matches!(refused, Err(EvaluateError::Measurements(JournalError::Interrupted(_)))));
    let (other, _) = evaluated(folder.path(), &["--resume", "--seed", "2"]);
    assert!(matches!(other, Err(EvaluateError::Measurements(JournalError::OtherRun(_)))));
    let (resumed, text) = evaluated(folder.path(), &["--resume"]);
    resumed.unwrap();
    assert!(text.contains("7 pictures were measured before"), "{text}");
    assert_eq!(report(folder.path()), first);
    assert!(!measurements.exists());
}

#[test]
fn a_folder_that_cannot_be_evaluated_and_a_place_that_cannot_be_written_are_named() {
    let folder = dataset();
    let config = ClientConfig { models: Some(root().join("models")), ..Default::default() };
    let answer = |arguments: &[&str]| {
        let program = Program::try_parse_from(["evaluate"].iter().chain(arguments)).unwrap();
        run(&program.evaluate, &config, Timestamp::UNIX_EPOCH, &mut Vec::new())
    };
    let staff = folder.path().join("staff");
    let staff = staff.to_str().unwrap();
    let nowhere = answer(&["/nonexistent"]);
    assert!(matches!(nowhere, Err(EvaluateError::Dataset(DatasetError::NotAFolder(_)))));
    let inside = answer(&[staff, "--out", &format!("{staff}/results")]);
    assert!(matches!(inside, Err(EvaluateError::Inside(_))));
    let unwritable = answer(&[staff, "--out", "/proc/results"]);
    assert!(matches!(unwritable, Err(EvaluateError::Write { .. })));
    for rate in ["0", "1", "x", "-1"] {
        let aim = format!("--aim={rate}");
        assert!(Program::try_parse_from(["evaluate", staff, &aim]).is_err(), "{rate}");
    }
    assert!(Program::try_parse_from(["evaluate", staff, "--resume", "--discard"]).is_err());
}

#[test]
fn results_are_for_their_owner_alone_and_no_planted_link_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (staff, results) = (folder.path().join("staff"), folder.path().join("new/results"));
    fs::create_dir(&staff).unwrap();
    let arguments = ["evaluate", staff.to_str().unwrap(), "--out", results.to_str().unwrap()];
    let arguments = Program::try_parse_from(arguments).unwrap().evaluate;
    assert_eq!(prepared(&arguments).unwrap(), results.canonicalize().unwrap());
    assert_eq!(mode(&results), 0o700);
    let (victim, page) = (folder.path().join("victim"), results.join(PAGE));
    fs::write(&victim, "theirs").unwrap();
    std::os::unix::fs::symlink(&victim, page.with_extension("part")).unwrap();
    std::os::unix::fs::symlink(&victim, &page).unwrap();
    for text in ["first", "second"] {
        write_file(&page, Ok(text.to_owned())).unwrap();
        assert_eq!(fs::read_to_string(&page).unwrap(), text);
    }
    assert!(fs::symlink_metadata(&page).unwrap().is_file());
    assert_eq!((mode(&page), fs::read_to_string(&victim).unwrap()), (0o600, "theirs".to_owned()));
    assert!(!page.with_extension("part").exists());
}

/// Twelve people with four photographs each, of a folder of research photographs that is not part of the repository.
#[test]
fn people_are_recognised_with_a_mask_drawn_and_others_are_not() {
    #[expect(
        clippy::disallowed_methods,
        reason = "where the research photographs are, if anywhere"
    )]
    let Some(data) =
        std::env::var("IMP_TEST_DATA").ok().map(|data| PathBuf::from(data).join("faces/lfw-dev"))
    else {
        println!("skipped: IMP_TEST_DATA names no folder with faces/lfw-dev");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut people: Vec<PathBuf> =
        fs::read_dir(&data).unwrap().map(|e| e.unwrap().path()).collect();
    people.sort();
    let photographs = |person: &PathBuf| {
        let mut files: Vec<PathBuf> =
            fs::read_dir(person).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        files
    };
    for person in people.iter().filter(|p| (4..=6).contains(&photographs(p).len())).take(12) {
        let place = folder.path().join("staff").join(person.file_name().unwrap());
        fs::create_dir_all(&place).unwrap();
        for file in photographs(person).iter().take(4) {
            std::os::unix::fs::symlink(file, place.join(file.file_name().unwrap())).unwrap();
        }
    }
    let (answer, text) = evaluated(folder.path(), &["--threads", "2"]);
    assert_eq!(answer.unwrap(), Answer::No, "far too few for 1 in 10,000");
    let report = report(folder.path());
    let in_use = report["in_use"]["conditions"].as_array().unwrap();
    let of = |enrolment: &str, probes: &str| {
        let this = |c: &&serde_json::Value| c["enrolment"] == enrolment && c["probes"] == probes;
        in_use.iter().find(this).unwrap_or_else(|| panic!("{enrolment}, {probes}: {text}"))
    };
    for probes in ["bare", "drawn"] {
        let missed = &of("one", probes)["false_non_matches"];
        let wrong = &of("one", probes)["false_matches"];
        let share =
            |p: &serde_json::Value| p["errors"].as_f64().unwrap() / p["trials"].as_f64().unwrap();
        assert!(missed["trials"].as_u64().unwrap() >= 36, "{probes}: {missed}");
        assert!(share(missed) < 0.25, "{probes}: {missed}");
        assert!(share(wrong) < 0.005, "{probes}: {wrong}");
    }
    let masks = report["masks"].as_array().unwrap();
    let wrong: u64 = masks.iter().map(|m| m["wrong"]["errors"].as_u64().unwrap()).sum();
    assert!(wrong <= 4, "{masks:?}");
}

use super::*;
use std::fs;

fn shipped() -> ModelStore {
    ModelStore::open(env!("CARGO_MANIFEST_DIR")).unwrap()
}

/// The pipeline by which the shipped calibration was made.
fn pipeline() -> u32 {
    let path = shipped().calibration_file().unwrap();
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str::<Calibration>(&text).unwrap().pipeline
}

/// What is said of the shipped calibration after `alter` has changed it.
fn altered(alter: impl FnOnce(&mut Calibration)) -> Result<Calibration, CalibrationError> {
    let mut calibration = shipped().calibration(pipeline()).unwrap();
    alter(&mut calibration);
    written(&serde_json::to_string(&calibration).unwrap())
}

fn written(text: &str) -> Result<Calibration, CalibrationError> {
    with_mode(text, 0o644)
}

fn with_mode(text: &str, mode: u32) -> Result<Calibration, CalibrationError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ward.json");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    shipped().calibrated_by(path).calibration(pipeline())
}

#[test]
fn the_shipped_calibration_fits_the_shipped_models() {
    let calibration = shipped().calibration(pipeline()).unwrap();
    assert_eq!(calibration.set, shipped().active_set().id());
    for reference in ReferenceKind::ALL {
        for probe in ProbeKind::ALL {
            assert!(calibration.thresholds.of(reference, probe).is_some());
        }
    }
    for comparison in &calibration.thresholds.comparison {
        let Rate { errors, trials, low, high } = comparison.false_matches;
        let rate = comparison.false_matches.rate();
        assert!(trials > 0 && errors < trials && low <= rate && rate <= high, "{comparison:?}");
    }
}

#[test]
fn a_calibration_made_with_another_model_is_refused_by_name() {
    let recogniser = shipped().active_set().recogniser.clone();
    let error = altered(|c| {
        c.models.insert(recogniser.clone(), "0".repeat(64));
    });
    let error = error.unwrap_err();
    assert!(matches!(&error, CalibrationError::OtherModels { model, .. } if *model == recogniser));
    assert!(error.to_string().contains("imp-client face evaluate"), "{error}");
    let removed = altered(|c| drop(c.models.remove(&recogniser)));
    assert!(matches!(removed, Err(CalibrationError::OtherModels { .. })));
    let added = altered(|c| drop(c.models.insert("another".to_owned(), "0".repeat(64))));
    assert!(matches!(added, Err(CalibrationError::OtherModels { .. })));
}

#[test]
fn a_calibration_made_by_another_pipeline_is_refused_with_both_numbers() {
    let error = altered(|c| c.pipeline += 1).unwrap_err();
    assert!(
        matches!(error, CalibrationError::OtherPipeline { found, running, .. } if found == running + 1)
    );
}

#[test]
fn missing_and_doubled_limits_are_refused() {
    let bad: [fn(&mut Calibration); 2] = [
        |c| c.thresholds.comparison.truncate(5),
        |c| c.thresholds.comparison[1] = c.thresholds.comparison[0].clone(),
    ];
    for alter in bad {
        assert!(matches!(altered(alter), Err(CalibrationError::Inconsistent(_))));
    }
}

#[test]
fn limits_that_would_switch_protection_off_are_refused_by_name() {
    type Alter = fn(&mut Calibration, f32);
    let bad: [(&str, Alter, &[f32]); 5] = [
        ("aim", |c, v| c.aim = v.into(), &[0.0, -1e-4, 1.1e-3, 1.0]),
        ("Bare", |c, v| c.thresholds.comparison[0].threshold = v, &[0.0, -1.0, 0.249, 1.0, 1.5]),
        ("attack", |c, v| c.thresholds.attack = v, &[0.0, -0.1, 0.049, 1.0]),
        ("mask", |c, v| c.thresholds.mask = v, &[0.0, 0.09, 0.96, 1.0]),
        ("detection", |c, v| c.thresholds.detection = v, &[0.0, 0.09, 0.96, 1.0]),
    ];
    for (name, alter, values) in bad {
        for value in values {
            let Err(CalibrationError::OutOfBounds { source, .. }) = altered(|c| alter(c, *value))
            else {
                panic!("{name} {value} was taken")
            };
            assert!(source.name.contains(name), "{source}");
        }
        let mut calibration = shipped().calibration(pipeline()).unwrap();
        alter(&mut calibration, f32::NAN);
        assert!(calibration.within_bounds().unwrap_err().name.contains(name));
    }
    let strict = altered(|c| {
        (c.aim, c.thresholds.attack, c.thresholds.mask) = (1e-3, 0.05, 0.95);
        (c.thresholds.detection, c.thresholds.comparison[0].threshold) = (0.1, 0.25);
    });
    assert!(strict.is_ok(), "the bounds themselves are allowed: {strict:?}");
}

#[test]
fn a_configured_calibration_that_others_can_write_is_refused() {
    let text = fs::read_to_string(shipped().calibration_file().unwrap()).unwrap();
    for mode in [0o664, 0o646, 0o620] {
        let refused = with_mode(&text, mode);
        assert!(matches!(refused, Err(CalibrationError::Writable(_))), "{mode:o}");
    }
    for mode in [0o644, 0o600, 0o400] {
        assert!(with_mode(&text, mode).is_ok(), "{mode:o}");
    }
}

#[test]
fn other_formats_and_other_texts_are_refused() {
    assert!(matches!(altered(|c| c.format = 9), Err(CalibrationError::Format { found: 9, .. })));
    for text in ["", "{}", "no json", "[1, 2]", "{\"format\": 1, \"thresholds\": null}"] {
        assert!(matches!(written(text), Err(CalibrationError::Malformed { .. })), "{text}");
    }
    let long = " ".repeat(300 << 10);
    assert!(matches!(written(&long), Err(CalibrationError::TooLarge(_))));
    let nowhere = shipped().calibrated_by("/nonexistent/ward.json").calibration(pipeline());
    assert!(matches!(nowhere, Err(CalibrationError::Unreadable { .. })));
}

#[test]
fn without_a_calibration_nobody_matches() {
    let thresholds = shipped().uncalibrated();
    assert_eq!(thresholds.of(ReferenceKind::Several, ProbeKind::Bare), None);
    assert!((0.1..0.9).contains(&thresholds.detection));
}

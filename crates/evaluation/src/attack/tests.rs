use super::*;

fn shown(person: u32, species: Option<&str>, score: f32) -> Presentation {
    Presentation {
        person,
        species: species.map(str::to_owned),
        masked: false,
        score: Some(score),
        comparison: None,
    }
}

#[test]
fn errors_are_counted_by_species_and_the_worst_one_is_named() {
    let mut set = Vec::new();
    for person in 0..20 {
        set.push(shown(person, None, if person == 0 { 0.1 } else { 0.9 }));
        set.push(shown(person, Some("bona-fide"), 0.9));
        set.push(shown(person, Some("print"), if person < 5 { 0.8 } else { 0.2 }));
        set.push(shown(person, Some("screen"), 0.1));
    }
    let report = evaluate(&set, 0.5);
    let rates: Vec<(&str, u64, u64)> = report
        .attacks
        .iter()
        .map(|a| (a.species.as_str(), a.apcer.errors, a.apcer.trials))
        .collect();
    assert_eq!(rates, [("print", 5, 20), ("screen", 0, 20)]);
    assert_eq!(report.worst.as_deref(), Some("print"));
    let people: Vec<(&str, u64)> =
        report.bona_fide.iter().map(|b| (b.kind.as_str(), b.bpcer.errors)).collect();
    assert_eq!(people, [("bona-fide", 0), ("photographs", 1)]);
}

#[test]
fn a_score_at_the_threshold_passes_and_one_that_is_no_number_does_not() {
    let set = [shown(0, Some("print"), 0.5), shown(1, Some("print"), f32::NAN)];
    assert_eq!(evaluate(&set, 0.5).attacks[0].apcer.errors, 1);
}

#[test]
fn an_attack_succeeds_when_it_passes_both_detection_and_comparison() {
    let compared = |score: Option<f32>, similarity| Presentation {
        score,
        comparison: Some((similarity, 0.4)),
        ..shown(0, Some("print"), 0.0)
    };
    let set = [
        compared(Some(0.9), 0.8),
        compared(Some(0.9), 0.3),
        compared(Some(0.1), 0.8),
        Presentation { comparison: None, ..compared(None, 0.0) },
    ];
    let report = evaluate(&set, 0.5);
    let print = &report.attacks[0];
    let iapar = print.iapar.unwrap();
    assert_eq!((iapar.errors, iapar.trials), (1, 4));
    // What gave no response is no error of the detector, and not hidden either.
    assert_eq!((print.apcer.errors, print.apcer.trials), (2, 3));
    assert_eq!((print.no_response.errors, print.no_response.trials), (1, 4));
}

#[test]
fn several_attacks_on_one_person_do_not_count_as_so_many_people() {
    // Ten people with ten attacks each; one of them passes always.
    let set: Vec<Presentation> =
        (0..100).map(|i| shown(i / 10, Some("print"), if i < 10 { 0.9 } else { 0.1 })).collect();
    let apcer = evaluate(&set, 0.5).attacks[0].apcer;
    let naive = Proportion::wilson(10, 100);
    assert!(apcer.high > naive.high + 0.05, "{apcer:?} {naive:?}");
}

#[test]
fn the_threshold_keeps_the_aim_and_the_next_one_would_not() {
    let set: Vec<Presentation> =
        (0..100u8).map(|i| shown(u32::from(i), None, f32::from(i) / 100.0)).collect();
    let threshold = threshold_for(&set, 0.05).unwrap();
    let turned_away = |t: f32| set.iter().filter(|p| p.score.unwrap() < t).count();
    assert_eq!(turned_away(threshold), 5);
    assert_eq!(turned_away(threshold + 0.005), 6);
    assert_eq!(threshold_for(&set[..0], 0.05), None);
    let few = &set[..10];
    let threshold = threshold_for(few, 0.05).unwrap();
    assert!(few.iter().all(|p| p.score.unwrap() >= threshold));
}

#[test]
fn every_report_begins_with_what_may_not_be_concluded_and_names_are_escaped() {
    let set = [shown(0, Some("<script>"), 0.9), shown(1, None, 0.9)];
    let report = evaluate(&set, 0.5);
    let page = report.html();
    let first = page.lines().nth(2).unwrap();
    assert!(first.contains("no substitute for a laboratory test"), "{first}");
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"));
    let json = serde_json::to_value(&report).unwrap();
    assert!(json["notice"].as_str().unwrap().contains("laboratory"));
    assert!(evaluate(&[], 0.5).html().contains("holds no attacks"));
}

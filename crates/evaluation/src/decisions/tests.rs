use super::*;
use crate::comparisons::Impostor;

const HOW: Resampling = Resampling { times: 2000, seed: 7 };

/// `people` with one reference and ten probes each; for `failing` of them, all ten fail.
fn clustered(people: u32, failing: u32) -> Decisions {
    let mut comparisons = Comparisons::new(Grid {
        references: vec![1; people as usize],
        probes: vec![10; people as usize],
    });
    for person in 0..people {
        for _ in 0..10 {
            comparisons.genuine(person, if person < failing { 0.1 } else { 0.9 });
        }
    }
    comparisons.finish();
    let mut decisions = Decisions::default();
    decisions.add(&comparisons, 0.5);
    decisions
}

#[test]
fn the_interval_counts_people_and_not_comparisons() {
    let found = clustered(100, 10).false_non_match(HOW).unwrap();
    assert_eq!((found.errors, found.trials), (100, 1000));
    // Ten of a hundred people: the binomial's 2.5 and 97.5 percentiles are 5 and 16 of 100.
    assert!((found.low - 0.05).abs() < 0.011 && (found.high - 0.16).abs() < 0.011, "{found:?}");
    let independent = Proportion::wilson(100, 1000);
    assert!(found.low < independent.low && found.high > independent.high);
}

#[test]
fn the_same_seed_gives_the_same_interval() {
    let again = |seed| clustered(100, 10).false_non_match(Resampling { times: 500, seed }).unwrap();
    assert_eq!(again(1), again(1));
    assert_eq!(again(1).errors, again(2).errors);
}

#[test]
fn without_errors_the_interval_is_not_empty() {
    let found = clustered(50, 0).false_non_match(HOW).unwrap();
    assert!(found.low <= 0.0 && found.high > 0.001, "{found:?}");
}

#[test]
fn both_sides_of_an_impostor_pair_are_resampled() {
    // One person whom four others match: without her, and in a third of the drawings she is not there, nobody does.
    let mut comparisons = Comparisons::new(Grid { references: vec![1; 40], probes: vec![1; 40] });
    comparisons.impostors((1..5).map(|probe| Impostor { reference: 0, probe, score: 0.9 }));
    comparisons.finish();
    let mut decisions = Decisions::default();
    decisions.add(&comparisons, 0.5);
    let found = decisions.false_match(HOW).unwrap();
    assert_eq!((found.errors, found.trials), (4, 1560));
    assert!(found.low <= 0.0, "{found:?}");
    assert!(found.high > 1.5 * Proportion::wilson(4, 1560).high, "{found:?}");
}

#[test]
fn copies_of_one_person_are_not_different_people() {
    let grid = Grid { references: vec![1, 2], probes: vec![3, 1] };
    assert_eq!(impostors(&grid, &[1, 1]), 1 + 6);
    assert_eq!(impostors(&grid, &[2, 0]), 0);
    assert_eq!(impostors(&grid, &[2, 3]), 6 * 7);
    assert_eq!(impostors(&grid, &[1, 1]), grid.impostors());
}

#[test]
fn decisions_at_several_thresholds_add_up() {
    let mut comparisons = Comparisons::new(Grid { references: vec![1; 2], probes: vec![1; 2] });
    comparisons.genuine(0, 0.6);
    comparisons.genuine(1, 0.4);
    comparisons.impostors([(0, 1), (1, 0)].map(|(reference, probe)| Impostor {
        reference,
        probe,
        score: 0.45,
    }));
    comparisons.finish();
    let mut decisions = Decisions::default();
    decisions.add(&comparisons, 0.5);
    decisions.add(&comparisons, 0.3);
    let (wrong, missed) =
        (decisions.false_match(HOW).unwrap(), decisions.false_non_match(HOW).unwrap());
    assert_eq!((wrong.errors, wrong.trials, missed.errors, missed.trials), (2, 4, 1, 4));
    assert_eq!(decisions.people(), 2);
    assert_eq!(Decisions::default().false_match(HOW), None);
}

use super::*;
use proptest::prelude::*;

/// Three people with two references and two probes each; people 0 and 1 look alike.
fn small() -> Comparisons {
    let grid = Grid { references: vec![2; 3], probes: vec![2; 3] };
    let mut comparisons = Comparisons::new(grid);
    for (person, score) in [(0, 0.9), (0, 0.8), (1, 0.7), (1, 0.3), (2, 0.6), (2, 0.55)] {
        comparisons.genuine(person, score);
    }
    let scores = [0.50f32, 0.45, 0.40, 0.35];
    comparisons.impostors(scores.map(|score| Impostor { reference: 0, probe: 1, score }));
    for (reference, probe) in [(0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
        let faint = [0.1f32, 0.05, 0.0, -0.1];
        comparisons.impostors(faint.map(|score| Impostor { reference, probe, score }));
    }
    comparisons.finish();
    comparisons
}

#[test]
fn counts_and_rates_are_those_counted_by_hand() {
    let comparisons = small();
    assert_eq!(comparisons.impostor_count(), 24);
    assert_eq!(comparisons.false_matches(0.40), Some(3));
    assert_eq!(comparisons.false_matches(0.401), Some(2));
    assert_eq!(comparisons.false_non_matches(0.40), 1);
    assert_eq!(comparisons.false_non_matches(0.56), 2);
    assert_eq!(comparisons.false_non_matches(0.55), 1);
}

#[test]
fn the_threshold_lets_through_exactly_as_many_as_allowed() {
    let comparisons = small();
    // Two of 24 is 8.3 %: at 10 % two may match, the third must not.
    let chosen = comparisons.threshold_at(0.1).unwrap();
    assert!(chosen.threshold > 0.40 && chosen.threshold < 0.4001);
    assert_eq!(chosen.support, Support::None);
    // With none allowed it lies above the most similar impostor.
    let strict = comparisons.threshold_at(1e-4).unwrap().threshold;
    assert!(strict > 0.50 && strict < 0.5001);
    assert_eq!(comparisons.false_matches(strict), Some(0));
    assert_eq!(Comparisons::new(Grid::default()).threshold_at(0.1), None);
}

#[test]
fn equal_similarities_match_together_or_not_at_all() {
    let mut comparisons = Comparisons::new(Grid { references: vec![1; 5], probes: vec![1; 5] });
    let impostor =
        |index: u32| Impostor { reference: index / 4, probe: (index / 4 + 1) % 5, score: 0.5 };
    comparisons.impostors((0..20).map(impostor));
    comparisons.finish();
    let chosen = comparisons.threshold_at(0.5).unwrap();
    assert_eq!(comparisons.false_matches(chosen.threshold), Some(0));
}

#[test]
fn the_trade_off_passes_the_points_counted_by_hand() {
    let points = small().det(1000);
    assert_eq!(points.len(), 14, "one point a distinct similarity");
    let at =
        |threshold: f32| points.iter().find(|p| (p.threshold - threshold).abs() < 1e-6).unwrap();
    let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
    assert!(near(at(0.50).false_match_rate, 1.0 / 24.0));
    assert!(near(at(0.50).false_non_match_rate, 1.0 / 6.0));
    assert!(near(at(0.30).false_match_rate, 4.0 / 24.0));
    assert!(near(at(0.30).false_non_match_rate, 0.0));
    // Rates cross between 0.35 (4/24 and 1/6) and the next.
    assert!(near(small().equal_error_rate().unwrap(), 1.0 / 6.0));
}

#[test]
fn among_some_people_only_their_comparisons_count() {
    let two = small().among(|person| person < 2);
    assert_eq!((two.impostor_count(), two.genuine.len()), (8, 4));
    assert_eq!(two.false_matches(0.40), Some(3));
    let across = small().between(|reference| reference == 1, |probe| probe == 0);
    assert_eq!((across.impostor_count(), across.genuine.len()), (4, 0));
    assert_eq!(across.false_matches(0.0), Some(3));
}

#[test]
fn merging_adds_and_no_number_is_never_a_match() {
    let mut odd = Comparisons::new(Grid { references: vec![1, 1], probes: vec![1, 1] });
    odd.genuine(0, f32::NAN);
    odd.impostors([Impostor { reference: 0, probe: 1, score: f32::NAN }]);
    odd.finish();
    assert_eq!((odd.false_matches(-1.0), odd.false_non_matches(-1.0)), (Some(0), 1));
    let all = Comparisons::merged([&small(), &odd]);
    assert_eq!((all.impostor_count(), all.genuine.len()), (26, 7));
    assert_eq!(all.false_matches(0.40), Some(3));
}

#[test]
fn only_the_largest_are_kept_and_the_rest_is_unknown_not_zero() {
    let people = 1100u32;
    let grid = Grid { references: vec![1; people as usize], probes: vec![1; people as usize] };
    let mut comparisons = Comparisons::new(grid);
    for reference in 0..people {
        let others = (0..people).filter(|probe| *probe != reference);
        #[expect(clippy::cast_precision_loss, reason = "below 2^24")]
        let score = |probe: u32| (reference * people + probe) as f32 / 2e6;
        comparisons.impostors(others.map(|probe| Impostor {
            reference,
            probe,
            score: score(probe),
        }));
    }
    comparisons.finish();
    assert!(comparisons.closest.len() <= 2 * KEPT);
    assert_eq!(comparisons.impostor_count(), 1100 * 1099);
    assert_eq!(comparisons.false_matches(0.0), None);
    let chosen = comparisons.threshold_at(0.01).unwrap();
    assert_eq!(comparisons.false_matches(chosen.threshold), Some(12_089));
    assert_eq!(chosen.support, Support::Firm);
}

proptest! {
    #[test]
    fn a_stricter_threshold_never_has_more_false_matches_nor_fewer_false_non_matches(
        genuine in prop::collection::vec(-1f32..1.0, 1..50),
        impostors in prop::collection::vec(-1f32..1.0, 90),
        (a, b) in (-1f32..1.0, -1f32..1.0),
    ) {
        let mut comparisons = Comparisons::new(Grid { references: vec![1; 10], probes: vec![1; 10] });
        (0u32..).zip(&genuine).for_each(|(i, score)| comparisons.genuine(i % 10, *score));
        let pairs = (0..10u32).flat_map(|r| (0..10).filter(move |p| *p != r).map(move |p| (r, p)));
        let given = pairs.zip(&impostors);
        comparisons.impostors(given.map(|((reference, probe), score)| Impostor { reference, probe, score: *score }));
        comparisons.finish();
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(comparisons.false_matches(high) <= comparisons.false_matches(low));
        prop_assert!(comparisons.false_non_matches(high) >= comparisons.false_non_matches(low));
        for rate in [0.5, 0.1, 0.01] {
            let chosen = comparisons.threshold_at(rate).unwrap().threshold;
            let matching = comparisons.false_matches(chosen).unwrap();
            prop_assert!(share(matching, 90) <= rate + 1e-9);
            prop_assert!(chosen >= comparisons.threshold_at((rate * 2.0).min(1.0)).unwrap().threshold);
        }
        let det = comparisons.det(20);
        prop_assert!(det.is_sorted_by(|x, y| x.false_match_rate <= y.false_match_rate
            && x.false_non_match_rate >= y.false_non_match_rate && x.threshold > y.threshold));
    }
}

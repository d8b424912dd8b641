//! How sure a number is.

/// The value below which `share` of the sorted values lie.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get(((sorted.len() as f64 * share) as usize).min(last)).copied().unwrap_or(f64::NAN)
}

/// 95 % interval of a quantile by order statistics, with the normal approximation of the binomial.
pub(crate) fn quantile_interval(sorted: &[f64], share: f64) -> (f64, f64) {
    let n = sorted.len() as f64;
    let spread = 1.96 * (share * (1.0 - share) / n).sqrt();
    (quantile(sorted, (share - spread).max(0.0)), quantile(sorted, (share + spread).min(1.0)))
}

/// 95 % interval of the mean of a Poisson count (Garwood 1936); the normal one from 200 on.
pub(crate) fn count_interval(count: usize) -> (f64, f64) {
    let at_most = |k: usize, mean: f64| {
        let mut term = (-mean).exp();
        let mut sum = term;
        for n in 1..=k {
            term *= mean / n as f64;
            sum += term;
        }
        sum
    };
    let solve = |k: usize, target: f64| {
        let (mut low, mut high) = (0.0, 10.0 + 3.0 * k as f64);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if at_most(k, middle) > target { low = middle } else { high = middle }
        }
        low
    };
    if count > 200 {
        let spread = 1.96 * (count as f64).sqrt();
        return (count as f64 - spread, count as f64 + spread);
    }
    let least = count.checked_sub(1).map_or(0.0, |below| solve(below, 0.975));
    (least, solve(count, 0.025))
}

#[test]
fn intervals_are_those_of_the_textbook() {
    let near =
        |(a, b): (f64, f64), (c, d): (f64, f64)| (a - c).abs() < 0.01 && (b - d).abs() < 0.01;
    assert!(near(count_interval(0), (0.0, 3.69)), "{:?}", count_interval(0));
    assert!(near(count_interval(5), (1.62, 11.67)), "{:?}", count_interval(5));
    let values: Vec<_> = (0..1000).map(f64::from).collect();
    assert!((quantile(&values, 0.95) - 950.0).abs() < 1.0);
    let (low, high) = quantile_interval(&values, 0.95);
    assert!(low < 940.0 && high > 960.0);
}

//! Shares of wrong decisions, and what so many decisions can say.
use serde::Serialize;

/// The 97.5th percentile of the normal distribution: 95 % two-sided.
const Z: f64 = 1.959_963_985;

/// Wrong decisions among all, with the 95 % interval of their share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Proportion {
    /// Wrong decisions.
    pub errors: u64,
    /// Decisions.
    pub trials: u64,
    /// Lower bound, 0–1.
    pub low: f64,
    /// Upper bound, 0–1.
    pub high: f64,
}

/// What a number of comparisons can say about a false match rate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Support {
    /// At least thirty errors are expected at this rate: with 90 % confidence the true rate is within 30 % of what is
    /// observed (Doddington's rule of 30).
    Firm,
    /// At least three errors are expected: no error at all would show that the rate is below (rule of 3).
    Weak,
    /// Fewer: the rate cannot be shown with so few comparisons.
    None,
}

impl Proportion {
    /// With Wilson's interval, as if decisions were independent.
    pub fn wilson(errors: u64, trials: u64) -> Self {
        let (low, high) = wilson(errors, trials);
        Self { errors, trials, low, high }
    }

    /// The share; none of none.
    pub fn rate(&self) -> f64 {
        share(self.errors, self.trials)
    }
}

impl Support {
    /// What `trials` comparisons say about a rate of `rate`.
    pub fn of(trials: u64, rate: f64) -> Self {
        let expected = float(trials) * rate;
        // A hair less, because 1e-4 is no binary fraction.
        match expected * (1.0 + 1e-9) {
            errors if errors >= 30.0 => Self::Firm,
            errors if errors >= 3.0 => Self::Weak,
            _ => Self::None,
        }
    }
}

/// Wilson's score interval, 95 %.
fn wilson(errors: u64, trials: u64) -> (f64, f64) {
    if trials == 0 {
        return (0.0, 1.0);
    }
    let (n, p) = (float(trials), share(errors, trials));
    let middle = p + Z * Z / (2.0 * n);
    let reach = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let whole = 1.0 + Z * Z / n;
    let low = if errors == 0 { 0.0 } else { (middle - reach) / whole };
    let high = if errors == trials { 1.0 } else { (middle + reach) / whole };
    (low.max(0.0), high.min(1.0))
}

pub(crate) fn share(errors: u64, trials: u64) -> f64 {
    float(errors) / float(trials.max(1))
}

#[expect(clippy::cast_precision_loss, reason = "counts of comparisons are far below 2^52")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 5e-4
    }

    #[test]
    fn wilsons_interval_is_the_textbooks() {
        // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (errors, trials, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let p = Proportion::wilson(errors, trials);
            assert!(close(p.low, low) && close(p.high, high), "{p:?}");
        }
        assert_eq!((Proportion::wilson(0, 0).low, Proportion::wilson(0, 0).high), (0.0, 1.0));
        assert!((Proportion::wilson(5, 5).high - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn thirty_errors_are_firm_three_are_weak() {
        assert_eq!(Support::of(300_000, 1e-4), Support::Firm);
        assert_eq!(Support::of(299_999, 1e-4), Support::Weak);
        assert_eq!(Support::of(30_000, 1e-4), Support::Weak);
        assert_eq!(Support::of(29_999, 1e-4), Support::None);
        assert_eq!(Support::of(1_000_000, 1e-5), Support::Weak);
    }
}

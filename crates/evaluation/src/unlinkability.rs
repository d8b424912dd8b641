//! How far two protected templates betray that they are of one person: the measures of Gomez-Barrero, Galbally, Rathgeb, Busch,
//! "General Framework to Evaluate Unlinkability in Biometric Template Protection Systems", IEEE TIFS 13(6), 2018.
//!
//! Somebody has two templates and a linking score. Where scores of templates of one person (mated) are more likely than
//! those of two people (non-mated), he learns something; the local measure says how much at each score, the global one
//! what he learns on average when they are of one person.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts of scores and bins are small"
)]
use serde::Serialize;

/// Fewest scores of each kind.
const LEAST: usize = 100;
/// Mated scores in a bin, on average, and most bins: those of the paper's own implementation.
const PER_BIN: usize = 10;
const MOST_BINS: usize = 100;

/// What one linking score betrays.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unlinkability {
    /// The global measure, D↔sys: 0 for templates that nobody can link, 1 for those that everybody can.
    pub global: f64,
    /// The local measure, D↔(s), over the range of scores.
    pub local: Vec<Local>,
}

/// One bin of scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Local {
    /// Middle of the bin.
    pub score: f64,
    /// The part of mated scores in it, 0–1.
    pub mated: f64,
    /// The part of non-mated scores in it, 0–1.
    pub non_mated: f64,
    /// How much more likely one person than two, as 2 · LR / (1 + LR) − 1 and at least 0, with equal odds before.
    pub linkability: f64,
}

/// Nothing can be said.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnlinkabilityError {
    /// A histogram of so few scores is noise.
    #[error(
        "at least {LEAST} scores of each kind are needed; there are {mated} mated and {non_mated} non-mated ones"
    )]
    TooFew {
        /// Mated scores.
        mated: usize,
        /// Non-mated scores.
        non_mated: usize,
    },
    /// A score is infinite or no number.
    #[error("a score is no finite number")]
    NotFinite,
}

impl Unlinkability {
    /// Estimates both measures from linking scores by histograms of equal bins. Few scores overestimate: what chance
    /// alone gives is found by comparing non-mated scores with other non-mated ones.
    pub fn of(mated: &[f64], non_mated: &[f64]) -> Result<Self, UnlinkabilityError> {
        if mated.len().min(non_mated.len()) < LEAST {
            let (mated, non_mated) = (mated.len(), non_mated.len());
            return Err(UnlinkabilityError::TooFew { mated, non_mated });
        }
        if !mated.iter().chain(non_mated).all(|score| score.is_finite()) {
            return Err(UnlinkabilityError::NotFinite);
        }
        let bins = (mated.len() / PER_BIN).min(MOST_BINS);
        let scores = || mated.iter().chain(non_mated).copied();
        let lowest = scores().fold(f64::INFINITY, f64::min);
        let width = (scores().fold(f64::NEG_INFINITY, f64::max) - lowest) / bins as f64;
        let shares = |scores: &[f64]| shares(scores, lowest, width, bins);
        let local: Vec<Local> = shares(mated)
            .into_iter()
            .zip(shares(non_mated))
            .enumerate()
            .map(|(bin, (mated, non_mated))| Local {
                score: lowest + (bin as f64 + 0.5) * width,
                mated,
                non_mated,
                linkability: linkability(mated, non_mated),
            })
            .collect();
        let global = local.iter().map(|bin| bin.linkability * bin.mated).sum();
        Ok(Self { global, local })
    }
}

/// The part of `scores` in each bin.
fn shares(scores: &[f64], lowest: f64, width: f64, bins: usize) -> Vec<f64> {
    let mut shares = vec![0.0; bins];
    for score in scores {
        // All scores are the same: one bin.
        let bin = if width > 0.0 { ((score - lowest) / width) as usize } else { 0 };
        shares[bin.min(bins - 1)] += 1.0 / scores.len() as f64;
    }
    shares
}

/// Equation 11 with ω = 1, written so that a bin without non-mated scores is fully linkable.
fn linkability(mated: f64, non_mated: f64) -> f64 {
    if mated > non_mated { 2.0 * mated / (mated + non_mated) - 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests;

//! Which photographs of a person enrol her and which are probes: seeded, and so that every photograph is a probe once.
use crate::random::Seeded;

/// One enrolment of a person, and the probes that are compared with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Round {
    /// Which of her bare photographs enrol her.
    pub(crate) enrolled: Vec<usize>,
    /// Which of her bare photographs, bare or with a mask drawn on them, are probes.
    pub(crate) probes: Vec<usize>,
    /// Which of her photographs with a mask really worn are probes.
    pub(crate) worn: Vec<usize>,
}

/// The enrolments with `size` of `bare` photographs. Each photograph is a probe of at most one of them, and of exactly one
/// if there are more than `size`; with exactly `size`, only the `worn` ones are probes.
pub(crate) fn rounds(size: usize, bare: usize, worn: usize, random: &mut Seeded) -> Vec<Round> {
    if size == 0 || bare < size {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..bare).collect();
    random.shuffle(&mut order);
    let block = bare - size;
    if block == 0 {
        return vec![Round { enrolled: order, probes: vec![], worn: (0..worn).collect() }];
    }
    let count = bare.div_ceil(block);
    let place = |index: usize| order[index % bare];
    (0..count)
        .map(|round| {
            let start = round * block;
            Round {
                enrolled: (start + block..start + bare).map(place).collect(),
                probes: (start..(start + block).min(bare)).map(place).collect(),
                worn: (0..worn).filter(|index| index % count == round).collect(),
            }
        })
        .collect()
}

/// The half of the people to which each belongs: thresholds are chosen on one half, errors counted on the other.
pub(crate) fn halves(people: usize, seed: u64) -> Vec<bool> {
    let mut halves: Vec<bool> = (0..people).map(|index| index % 2 == 0).collect();
    Seeded::new(seed, "halves").shuffle(&mut halves);
    halves
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn four_photographs_give_four_enrolments_with_three() {
        let rounds = rounds(3, 4, 0, &mut Seeded::new(1, "test"));
        assert_eq!(rounds.len(), 4);
        let mut probes: Vec<usize> = rounds.iter().flat_map(|r| r.probes.clone()).collect();
        probes.sort_unstable();
        assert_eq!(probes, [0, 1, 2, 3]);
    }

    #[test]
    fn with_no_photograph_to_spare_only_worn_masks_are_probes() {
        let rounds = rounds(3, 3, 2, &mut Seeded::new(1, "test"));
        assert_eq!(rounds.len(), 1);
        assert_eq!((rounds[0].probes.len(), rounds[0].worn.as_slice()), (0, [0, 1].as_slice()));
    }

    #[test]
    fn halves_are_halves() {
        for people in [0, 1, 2, 101] {
            let first = halves(people, 5).iter().filter(|h| **h).count();
            assert_eq!(first, people.div_ceil(2));
        }
        assert_ne!(halves(100, 1), halves(100, 2));
    }

    proptest! {
        #[test]
        fn every_photograph_is_a_probe_once_and_never_of_a_reference_it_made(
            size in 1usize..5, more in 1usize..30, worn in 0usize..9, seed: u64,
        ) {
            let bare = size + more;
            let rounds = rounds(size, bare, worn, &mut Seeded::new(seed, "test"));
            let sorted = |mut all: Vec<usize>| { all.sort_unstable(); all };
            let probes = sorted(rounds.iter().flat_map(|r| r.probes.clone()).collect());
            prop_assert_eq!(probes, (0..bare).collect::<Vec<_>>());
            let masks = sorted(rounds.iter().flat_map(|r| r.worn.clone()).collect());
            prop_assert_eq!(masks, (0..worn).collect::<Vec<_>>());
            for round in &rounds {
                prop_assert_eq!(round.enrolled.len(), size);
                prop_assert!(!round.probes.is_empty());
                prop_assert!(round.probes.iter().all(|p| !round.enrolled.contains(p)));
            }
        }
    }
}

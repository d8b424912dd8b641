//! Whether every record that is gone was erased as the log says, and every one that the log says was erased is gone.
use std::collections::{HashMap, VecDeque};

use imp_identity::{Event, Record};

use super::VerifyError;

/// Records that are gone and not yet explained by a later entry: eight bytes for each.
#[derive(Debug, Default)]
pub(super) struct Erasures {
    /// By kind, indexes in their order.
    gone: HashMap<String, VecDeque<u64>>,
    count: u64,
}

/// Records of a kind that the log says were all erased: whether none is there has to be asked of the database.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expired {
    /// Which kind.
    pub(super) kind: String,
    /// From this index on.
    pub(super) from: u64,
    /// To before this one.
    pub(super) until: u64,
    /// The entry that says so.
    pub(super) by: u64,
}

impl Erasures {
    /// An entry without its record.
    pub(super) fn gone(&mut self, index: u64, kind: &str) {
        self.gone.entry(kind.to_owned()).or_default().push_back(index);
        self.count += 1;
    }

    /// An entry with its record, which may say that others were erased.
    pub(super) fn said(
        &mut self,
        index: u64,
        record: &Record,
    ) -> Result<Option<Expired>, VerifyError> {
        if let Event::RecordsErased { entries, .. } = &record.event {
            for erased in entries {
                if !self.gone.values_mut().any(|gone| take(gone, *erased)) {
                    return Err(VerifyError::StillThere { index: *erased, by: index });
                }
            }
        }
        let Event::RecordsExpired { of, from, until, erased } = &record.event else {
            return Ok(None);
        };
        let until = (*until).min(index);
        let mut explained = 0;
        if let Some(gone) = self.gone.get_mut(of) {
            // Records expire in their order: what is explained stands in front.
            let (first, end) = (place(gone, *from), place(gone, until));
            explained = gone.drain(first..end.max(first)).count() as u64;
        }
        // The kind of a record that is gone is nobody's word: whoever hides one among those that expired is counted.
        if explained > *erased {
            let said = *erased;
            return Err(VerifyError::Miscounted { by: index, said, gone: explained });
        }
        Ok(Some(Expired { kind: of.clone(), from: *from, until, by: index }))
    }

    /// How many records are gone, each of them explained.
    pub(super) fn finish(self) -> Result<u64, VerifyError> {
        match self.gone.into_values().flatten().min() {
            Some(index) => Err(VerifyError::Unexplained { index }),
            None => Ok(self.count),
        }
    }
}

/// Where the first of these indexes stands that is not before `index`.
fn place(gone: &VecDeque<u64>, index: u64) -> usize {
    gone.partition_point(|before| *before < index)
}

fn take(gone: &mut VecDeque<u64>, index: u64) -> bool {
    gone.binary_search(&index).is_ok_and(|place| gone.remove(place).is_some())
}

//! Keyset paging: a page ends with the key after which the next one begins.

/// The most items that a page holds.
const MOST: u32 = 500;

/// One page of `T`, in the order of `K`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The items.
    pub items: Vec<T>,
    /// The last item's key when more may follow.
    pub next: Option<K>,
}

/// The number of items to ask the database for: between 1 and 500.
pub fn limit(asked: u32) -> i64 {
    i64::from(asked.clamp(1, MOST))
}

impl<T, K> Page<T, K> {
    /// Makes a page of what a query limited to `limit(asked)` found.
    pub fn new(items: Vec<T>, asked: u32, key: impl FnOnce(&T) -> K) -> Self {
        let full = i64::try_from(items.len()).is_ok_and(|found| found >= limit(asked));
        let next = items.last().filter(|_| full).map(key);
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_page_has_a_next() {
        assert_eq!(Page::new(vec![1, 2], 2, |n| *n).next, Some(2));
        assert_eq!(Page::new(vec![1], 2, |n| *n).next, None);
        assert_eq!(Page::new(Vec::<i32>::new(), 0, |n| *n).next, None);
        assert_eq!((limit(0), limit(u32::MAX)), (1, 500));
    }
}

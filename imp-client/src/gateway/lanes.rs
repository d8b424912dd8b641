//! Lanes of a route: each connection has one to itself, and with it the stream of its messages, so that their order is that of the connection.
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The lanes that are free.
#[derive(Debug)]
pub(super) struct Lanes(Mutex<BTreeSet<u16>>);

/// A lane in use; free again when dropped.
#[derive(Debug)]
pub(super) struct Lane {
    number: u16,
    lanes: Arc<Lanes>,
}

impl Lanes {
    /// As many as there may be connections.
    pub(super) fn new(connections: u16) -> Arc<Self> {
        Arc::new(Self(Mutex::new((0..connections).collect())))
    }

    /// The first that is free.
    pub(super) fn take(self: &Arc<Self>) -> Option<Lane> {
        let number = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_first()?;
        Some(Lane { number, lanes: Arc::clone(self) })
    }
}

impl Lane {
    /// Its number, from 0.
    pub(super) const fn number(&self) -> u16 {
        self.number
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.lanes.0.lock().unwrap_or_else(PoisonError::into_inner).insert(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_of_one_connection_at_a_time() {
        let lanes = Lanes::new(2);
        let (one, two) = (lanes.take().unwrap(), lanes.take().unwrap());
        assert_eq!((one.number(), two.number()), (0, 1));
        assert!(lanes.take().is_none());
        drop(one);
        assert_eq!(lanes.take().unwrap().number(), 0);
    }
}

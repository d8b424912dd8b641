//! What the members of a group hand on to each other, so that it is read and written once for all of them.
use std::any::{Any, TypeId};
use std::fmt;

use futures::future::BoxFuture;

use crate::error::StorageError;
use crate::transaction::Transaction;

/// Something that the members of a group hand on: what one of them staged, the next one sees. It lives from
/// [`Transaction::carry`] to the end of the group.
pub trait Carried: Any + Send {
    /// A member begins: what is there now is what [`Self::rewind`] returns to.
    fn mark(&mut self);

    /// The member rolled back. May be called more than once for a mark.
    fn rewind(&mut self);

    /// Writes what was staged, once, just before the group's `COMMIT`. If it fails, the whole group fails.
    fn store<'a>(
        &'a mut self,
        transaction: &'a mut Transaction,
    ) -> BoxFuture<'a, Result<(), StorageError>>;
}

/// Everything that a group carries: at most one value of a type.
#[derive(Default)]
pub(crate) struct Luggage {
    slots: Vec<Box<dyn Carried>>,
    /// What was there when the present member began.
    marked: Vec<TypeId>,
}

impl fmt::Debug for Luggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Luggage").field("slots", &self.slots.len()).finish_non_exhaustive()
    }
}

fn kind(slot: &dyn Carried) -> TypeId {
    let slot: &dyn Any = slot;
    slot.type_id()
}

impl Luggage {
    pub(crate) fn find<T: Carried>(&mut self) -> Option<&mut T> {
        self.slots.iter_mut().find_map(|slot| {
            let slot: &mut dyn Any = slot.as_mut();
            slot.downcast_mut()
        })
    }

    pub(crate) fn put<T: Carried>(&mut self, value: T) {
        self.slots.retain(|slot| kind(slot.as_ref()) != TypeId::of::<T>());
        self.slots.push(Box::new(value));
    }

    pub(crate) fn take<T: Carried>(&mut self) -> Option<T> {
        let place = self.slots.iter().position(|slot| kind(slot.as_ref()) == TypeId::of::<T>())?;
        let slot: Box<dyn Any> = self.slots.swap_remove(place);
        slot.downcast().ok().map(|value| *value)
    }

    /// A member begins.
    pub(crate) fn mark(&mut self) {
        self.marked.clear();
        for slot in &mut self.slots {
            self.marked.push(kind(slot.as_ref()));
            slot.mark();
        }
    }

    /// The member rolled back. Fails when it took away what earlier members had staged.
    pub(crate) fn rewind(&mut self) -> Result<(), StorageError> {
        let marked = &self.marked;
        self.slots.retain(|slot| marked.contains(&kind(slot.as_ref())));
        if self.slots.len() < self.marked.len() {
            return Err(StorageError::Carried);
        }
        self.slots.iter_mut().for_each(|slot| slot.rewind());
        Ok(())
    }

    /// The group is about to commit.
    pub(crate) async fn store(
        &mut self,
        transaction: &mut Transaction,
    ) -> Result<(), StorageError> {
        for slot in &mut self.slots {
            slot.store(transaction).await?;
        }
        Ok(())
    }
}

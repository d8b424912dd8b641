//! Whole journeys through a hospital in one process, by virtual time.
mod attacks;
mod blindness;
mod bombs;
mod day;
mod dying;
mod emergency;
mod limits;
mod offline;
mod one_factor;
mod policy;
mod privacy;
mod promptness;
mod relay;
mod renewal;
mod screen;
mod sign_on;
mod theft;
mod uses;
mod walk_away;

use imp_identity::Refusal;
use imp_identity::event::Event;
use imp_identity::user::Role;
use imp_tests::world::{BoundPhone, WARD, Workstation, World, faces};

/// A ward with one workstation, and nurse Ada, enrolled, with her phone near.
struct Ward {
    world: World,
    workstation: Workstation,
    phone: BoundPhone,
}

impl Ward {
    /// Opens it.
    async fn open() -> Self {
        Self::open_in(World::start().await).await
    }

    /// Opens it in a hospital.
    async fn open_in(world: World) -> Self {
        let workstation = world.workstation("Ward 3 left", Some(WARD)).await;
        world.user("ada", Role::Staff, Some(WARD)).await;
        let phone = world.enrol(&workstation, "ada", faces::ADA_ENROLLED).await;
        workstation.scene.shows(faces::path(faces::ADA));
        Self { world, workstation, phone }
    }

    /// The index from which on the events are new.
    async fn events(&self) -> u64 {
        self.world.events().await.last().map_or(0, |entry| entry.index + 1)
    }

    /// Taps as Ada; the server must refuse, for this reason, with an event, and open nothing.
    async fn must_refuse(&self, reason: Refusal) {
        let before = self.events().await;
        assert_eq!(self.workstation.refuses("ada").await, reason);
        let events = self.world.events().await;
        let new: Vec<&Event> = events
            .iter()
            .filter(|entry| entry.index >= before)
            .map(|entry| &entry.record.event)
            .collect();
        let refused = new.iter().filter(
            |event| matches!(event, Event::TapRefused { reason: said, .. } if *said == reason),
        );
        // One press, one refusal: asking ahead is not recorded.
        assert_eq!(refused.count(), 1, "{new:?}");
        let opened = new.iter().any(|e| matches!(e.name(), "tap-accepted" | "session-established"));
        assert!(!opened, "{new:?}");
        assert!(self.workstation.agent.desktop().session().is_none());
    }
}

//! Every command on both databases.
use imp_identity::user::{Role, User};
use imp_storage::testing;

use crate::{command, store};

mod break_glass;
mod connections;
mod devices;
mod directory;
mod enrolment;
mod erasures;
mod export;
mod handover;
mod hospital;
mod jobs;
mod machines;
mod notices;
mod people;
mod review;
mod security_key;
mod session;
mod sign_on;
mod tap;
mod uses;

use hospital::{Desk, Hospital, Nurse};

/// An empty hospital in each database.
async fn hospitals() -> Vec<Hospital> {
    testing::both(&store::MIGRATIONS).await.into_iter().map(Hospital::new).collect()
}

/// A hospital with an officer, a desk and a nurse.
struct Ward {
    hospital: Hospital,
    officer: User,
    desk: Desk,
    nurse: Nurse,
}

impl Ward {
    async fn new(mut hospital: Hospital) -> Self {
        let officer = hospital.user("grace", Role::Officer).await;
        let desk = hospital.desk("Ward 3, bed 7").await;
        let nurse = hospital.nurse("ada", officer.id, &desk).await;
        Self { hospital, officer, desk, nurse }
    }
}

async fn wards() -> Vec<Ward> {
    let mut wards = vec![];
    for hospital in hospitals().await {
        wards.push(Ward::new(hospital).await);
    }
    wards
}

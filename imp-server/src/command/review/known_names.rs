//! What the people, workstations and cases of some entries are called.
use std::collections::{BTreeMap, HashMap, HashSet};

use imp_events::export::Person;
use imp_events::sentence::Called;
use imp_identity::case::Case;
use imp_identity::name::Label;
use imp_identity::{Actor, CaseId, Event, Record, UserId, WorkstationId};
use imp_storage::{StorageError, Transaction};
use uuid::Uuid;

use crate::store::Tables as _;

/// The names of what some entries mention, for a reader who may know them.
#[derive(Clone, Debug, Default)]
pub struct KnownNames {
    people: HashMap<UserId, Person>,
    workstations: HashMap<WorkstationId, Label>,
    cases: HashMap<CaseId, u64>,
}

/// Whose names are to be looked up.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) people: HashSet<UserId>,
    pub(super) workstations: HashSet<WorkstationId>,
    pub(super) cases: HashSet<CaseId>,
}

impl Wanted {
    /// Everybody and everything that a record mentions.
    pub(super) fn mention(&mut self, record: &Record) {
        self.people.extend(record.event.user());
        self.workstations.extend(record.event.workstation());
        self.mention_actor(&record.actor);
        if let Event::EnrolmentOpened { officer, .. } | Event::ReferenceIssued { officer, .. } =
            &record.event
        {
            self.people.insert(*officer);
        }
        if let Event::RecordsErased { requested_by, .. } = &record.event {
            self.mention_actor(requested_by);
        }
        if let Event::CaseAssigned { case, .. }
        | Event::CaseCommented { case, .. }
        | Event::CaseClosed { case, .. }
        | Event::CaseReopened { case, .. }
        | Event::UseDisputed { case, .. }
        | Event::LogRead { case: Some(case), .. } = &record.event
        {
            self.cases.insert(*case);
        }
    }

    /// Whom and what a case is about, and who looks into it.
    pub(super) fn case(&mut self, case: &Case) {
        self.people.extend(case.user);
        self.people.extend(case.assignee);
        self.workstations.extend(case.workstation);
        self.cases.insert(case.id);
    }

    fn mention_actor(&mut self, actor: &Actor) {
        match actor {
            Actor::User(user) => {
                self.people.insert(*user);
            }
            Actor::Workstation(workstation) => {
                self.workstations.insert(*workstation);
            }
            Actor::Operator(_)
            | Actor::Phone(_)
            | Actor::Client(_)
            | Actor::Device(_)
            | Actor::Server => {}
        }
    }

    /// Looks them up.
    pub(super) async fn find(
        self,
        transaction: &mut Transaction,
    ) -> Result<KnownNames, StorageError> {
        Ok(KnownNames {
            people: transaction.named().people(self.people).await?,
            workstations: transaction.named().workstations(self.workstations).await?,
            cases: transaction.named().cases(self.cases).await?,
        })
    }
}

impl KnownNames {
    /// The names of what these records mention.
    pub async fn of(
        transaction: &mut Transaction,
        records: impl IntoIterator<Item = &Record>,
    ) -> Result<Self, StorageError> {
        let mut wanted = Wanted::default();
        records.into_iter().for_each(|record| wanted.mention(record));
        wanted.find(transaction).await
    }

    /// The names of whom and what these cases are about.
    pub async fn of_cases(
        transaction: &mut Transaction,
        cases: &[Case],
    ) -> Result<Self, StorageError> {
        let mut wanted = Wanted::default();
        for case in cases {
            wanted.case(case);
        }
        wanted.find(transaction).await
    }

    /// All of them by identifier: people with their usernames, as two may share a name.
    pub fn by_identifier(&self) -> BTreeMap<Uuid, String> {
        let people = self.people.iter().map(|(id, person)| {
            (id.as_uuid(), format!("{} ({})", person.display_name, person.username))
        });
        let workstations =
            self.workstations.iter().map(|(id, name)| (id.as_uuid(), name.to_string()));
        let cases = self.cases.iter().map(|(id, number)| (id.as_uuid(), format!("case {number}")));
        people.chain(workstations).chain(cases).collect()
    }
}

impl Called for KnownNames {
    fn person(&self, user: UserId) -> String {
        let known = self.people.get(&user);
        known.map_or_else(|| format!("user {user}"), |person| person.display_name.to_string())
    }

    fn workstation(&self, workstation: WorkstationId) -> String {
        let known = self.workstations.get(&workstation);
        known.map_or_else(|| format!("workstation {workstation}"), ToString::to_string)
    }

    fn case(&self, case: CaseId) -> String {
        let known = self.cases.get(&case);
        known.map_or_else(|| format!("case {case}"), |number| format!("case {number}"))
    }
}

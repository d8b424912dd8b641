//! Reading users and groups.
use imp_identity::name::{Label, Username};
use imp_identity::profile::ExternalId;
use imp_identity::{GroupId, UserId};
use imp_scim::filter::Narrow;
use imp_scim::list::{Query, Selection};
use imp_scim::{Filter, GROUP, ScimError, USER};
use imp_storage::{Page, Storage, StorageError, Transaction};

use super::{ProvisionError, Rules, Shown, group_form, user_form};
use crate::store::{Person, StoredGroup, Tables as _};

/// How many are read at a time when all are looked at.
const AT_ONCE: u32 = 500;

/// A page of resources.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// How many fit.
    pub(crate) total: usize,
    /// Those of the page.
    pub(crate) page: Vec<Shown>,
}

/// A group and who is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMembers {
    /// The group.
    pub group: StoredGroup,
    /// Who is in it, and what they are called.
    pub members: Vec<(UserId, Label)>,
}

/// A unit and how many belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitSize {
    /// What it is called.
    pub unit: Label,
    /// How many people belong to it.
    pub users: i64,
}

/// One user.
pub(crate) async fn show_user(
    storage: &Storage,
    rules: &Rules,
    id: UserId,
) -> Result<Shown, ProvisionError> {
    let mut reading = storage.read().await?;
    let found = user_of(&mut reading, rules, id).await?;
    Ok(found.ok_or_else(|| ScimError::not_found("such user"))?)
}

/// One group; without its members when they are not to be shown.
pub(crate) async fn show_group(
    storage: &Storage,
    rules: &Rules,
    id: GroupId,
    with_members: bool,
) -> Result<Shown, ProvisionError> {
    let mut reading = storage.read().await?;
    let found = group_of(&mut reading, rules, id, with_members).await?;
    Ok(found.ok_or_else(|| ScimError::not_found("such group"))?)
}

async fn user_of(
    reading: &mut Transaction,
    rules: &Rules,
    id: UserId,
) -> Result<Option<Shown>, StorageError> {
    let Some(person) = reading.profiles().find(id).await? else { return Ok(None) };
    let groups = reading.groups().of_user(id).await?;
    let resource = user_form::shown(&person, &groups, rules);
    Ok(Some(Shown { resource, version: person.version }))
}

async fn group_of(
    reading: &mut Transaction,
    rules: &Rules,
    id: GroupId,
    with_members: bool,
) -> Result<Option<Shown>, StorageError> {
    let Some(stored) = reading.groups().find(id).await? else { return Ok(None) };
    let members = if with_members { reading.groups().members(id).await? } else { vec![] };
    let resource = group_form::shown(&stored, &members, rules);
    Ok(Some(Shown { resource, version: stored.version }))
}

/// The users that a query asks for.
pub(crate) async fn select_users(
    storage: &Storage,
    rules: &Rules,
    query: &Query,
) -> Result<Listed, ProvisionError> {
    let mut reading = storage.read().await?;
    let (total, ids) = if query.is_plain() {
        plain_users(&mut reading, query).await?
    } else {
        let mut selection = Selection::new(query, &USER);
        match query.filter.as_ref().and_then(Filter::narrow) {
            Some(narrow) => {
                for person in narrowed_users(&mut reading, narrow).await? {
                    offer_user(&mut reading, &mut selection, rules, query, &person).await?;
                }
            }
            None => all_users(&mut reading, &mut selection, rules, query).await?,
        }
        selection.page()
    };
    let mut page = Vec::with_capacity(ids.len());
    for id in ids {
        page.extend(user_of(&mut reading, rules, id).await?);
    }
    Ok(Listed { total, page })
}

async fn plain_users(
    reading: &mut Transaction,
    query: &Query,
) -> Result<(usize, Vec<UserId>), StorageError> {
    let total = usize::try_from(reading.profiles().count().await?).unwrap_or(0);
    let (Ok(skip), Ok(count)) = (u32::try_from(query.skip), u32::try_from(query.count)) else {
        return Ok((total, vec![]));
    };
    if count == 0 {
        return Ok((total, vec![]));
    }
    let people = reading.profiles().slice(skip, count).await?;
    Ok((total, people.into_iter().map(|person| person.user.id).collect()))
}

async fn all_users(
    reading: &mut Transaction,
    selection: &mut Selection<'_, UserId>,
    rules: &Rules,
    query: &Query,
) -> Result<(), StorageError> {
    let mut after = None;
    loop {
        let page = reading.profiles().page(after, AT_ONCE).await?;
        for person in &page.items {
            offer_user(reading, selection, rules, query, person).await?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Who can fit, by an index.
async fn narrowed_users(
    reading: &mut Transaction,
    narrow: Narrow<'_>,
) -> Result<Vec<Person>, StorageError> {
    let one = |found: Option<Person>| Ok(found.into_iter().collect());
    match narrow {
        Narrow::Id(id) => match id.parse() {
            Ok(id) => one(reading.profiles().find(id).await?),
            Err(_) => Ok(vec![]),
        },
        Narrow::UserName(name) => match name.to_lowercase().parse::<Username>() {
            Ok(name) => one(reading.profiles().find_by_name(&name).await?),
            Err(_) => Ok(vec![]),
        },
        // What is no external identifier is nobody's; a database may not even take it (NUL in PostgreSQL).
        Narrow::ExternalId(id) => match id.parse::<ExternalId>() {
            Ok(id) => reading.profiles().find_by_external_id(id.as_str()).await,
            Err(_) => Ok(vec![]),
        },
        Narrow::DisplayName(_) | Narrow::Member(_) => {
            let mut everybody = vec![];
            let mut after = None;
            loop {
                let page = reading.profiles().page(after, AT_ONCE).await?;
                everybody.extend(page.items);
                after = page.next;
                if after.is_none() {
                    return Ok(everybody);
                }
            }
        }
    }
}

async fn offer_user(
    reading: &mut Transaction,
    selection: &mut Selection<'_, UserId>,
    rules: &Rules,
    query: &Query,
    person: &Person,
) -> Result<(), StorageError> {
    // Her groups are looked up only if somebody asks about them.
    let groups = if query.asks_about("groups") {
        reading.groups().of_user(person.user.id).await?
    } else {
        vec![]
    };
    selection.offer(person.user.id, &user_form::shown(person, &groups, rules));
    Ok(())
}

/// The groups that a query asks for.
pub(crate) async fn select_groups(
    storage: &Storage,
    rules: &Rules,
    query: &Query,
) -> Result<Listed, ProvisionError> {
    let mut reading = storage.read().await?;
    let mut selection = Selection::new(query, &GROUP);
    let with_members = query.asks_about("members");
    for stored in candidates(&mut reading, query).await? {
        let id = stored.group.id;
        let members = if with_members { reading.groups().members(id).await? } else { vec![] };
        selection.offer(id, &group_form::shown(&stored, &members, rules));
    }
    let (total, ids) = selection.page();
    let shows_members = query.projection.shows("members");
    let mut page = Vec::with_capacity(ids.len());
    for id in ids {
        page.extend(group_of(&mut reading, rules, id, shows_members).await?);
    }
    Ok(Listed { total, page })
}

async fn candidates(
    reading: &mut Transaction,
    query: &Query,
) -> Result<Vec<StoredGroup>, StorageError> {
    match query.filter.as_ref().and_then(Filter::narrow) {
        Some(Narrow::DisplayName(name)) => match name.parse::<Label>() {
            Ok(name) => {
                Ok(reading.groups().find_by_name(name.as_str()).await?.into_iter().collect())
            }
            Err(_) => Ok(vec![]),
        },
        Some(Narrow::Id(id)) => match id.parse() {
            Ok(id) => Ok(reading.groups().find(id).await?.into_iter().collect()),
            Err(_) => Ok(vec![]),
        },
        Some(Narrow::Member(id)) => match id.parse() {
            Ok(id) => reading.groups().of_user(id).await,
            Err(_) => Ok(vec![]),
        },
        Some(Narrow::ExternalId(_) | Narrow::UserName(_)) | None => every_group(reading).await,
    }
}

async fn every_group(reading: &mut Transaction) -> Result<Vec<StoredGroup>, StorageError> {
    let mut every = vec![];
    let mut after = None;
    loop {
        let page = reading.groups().page(after, AT_ONCE).await?;
        every.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(every);
        }
    }
}

/// The groups after one, in the order in which they were created, each with the number of its members.
pub async fn groups_page(
    storage: &Storage,
    after: Option<GroupId>,
    limit: u32,
) -> Result<Page<(StoredGroup, i64), GroupId>, StorageError> {
    let mut reading = storage.read().await?;
    let page = reading.groups().page(after, limit).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for stored in page.items {
        let members = reading.groups().count_members(stored.group.id).await?;
        items.push((stored, members));
    }
    Ok(Page { items, next: page.next })
}

/// One group and who is in it.
pub async fn find_group(
    storage: &Storage,
    id: GroupId,
) -> Result<Option<GroupMembers>, StorageError> {
    let mut reading = storage.read().await?;
    let Some(group) = reading.groups().find(id).await? else { return Ok(None) };
    let members = reading.groups().members(id).await?;
    Ok(Some(GroupMembers { group, members }))
}

/// The group of that name, whatever the case, and who is in it.
pub async fn group_named(
    storage: &Storage,
    name: &str,
) -> Result<Option<GroupMembers>, StorageError> {
    let mut reading = storage.read().await?;
    let Some(group) = reading.groups().find_by_name(name).await? else { return Ok(None) };
    let members = reading.groups().members(group.group.id).await?;
    Ok(Some(GroupMembers { group, members }))
}

/// The units that people belong to, by name.
pub async fn list_units(storage: &Storage) -> Result<Vec<UnitSize>, StorageError> {
    let units = storage.read().await?.users().units().await?;
    Ok(units.into_iter().map(|(unit, users)| UnitSize { unit, users }).collect())
}

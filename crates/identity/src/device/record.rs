//! A device as the inventory knows it, and the changes of its life.
use jiff::Timestamp;

use super::{DeviceClass, Lifecycle, ServerName};
use crate::event::{Actor, Event};
use crate::id::DeviceId;
use crate::name::{Label, Remark};

/// The most names that a device may have on the network.
const MOST_NAMES: usize = 32;

/// A machine in the inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Names this device; its certificates say so.
    pub id: DeviceId,
    /// How people call it; no two are called the same.
    pub name: Label,
    /// What sort of machine it is.
    pub class: DeviceClass,
    /// Who made it.
    pub manufacturer: Option<Label>,
    /// What the manufacturer calls its kind.
    pub model: Option<Label>,
    /// The manufacturer's number of this one: what its 802.1AR certificate says.
    pub serial_number: Option<Label>,
    /// Its Unique Device Identifier (Regulation (EU) 2017/745 Art. 27; 21 CFR 830).
    pub udi: Option<Label>,
    /// The ward or department that answers for it.
    pub unit: Option<Label>,
    /// Where it stands.
    pub location: Option<Label>,
    /// The network zone that it belongs to.
    pub zone: Option<Label>,
    /// Where its security statement is (MDS2, NEMA HN 1).
    pub mds2: Option<Label>,
    /// What others call it on the network: its certificates may have these names and no others.
    pub names: Vec<ServerName>,
    /// Where in its life it is.
    pub state: Lifecycle,
    /// Since when.
    pub since: Timestamp,
    /// When it was given its first certificate.
    pub activated_at: Option<Timestamp>,
    /// Who put it in the inventory.
    pub registered_by: Actor,
}

/// What the inventory says of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// See [`Device::name`].
    pub name: Label,
    /// See [`Device::class`].
    pub class: DeviceClass,
    /// See [`Device::manufacturer`].
    pub manufacturer: Option<Label>,
    /// See [`Device::model`].
    pub model: Option<Label>,
    /// See [`Device::serial_number`].
    pub serial_number: Option<Label>,
    /// See [`Device::udi`].
    pub udi: Option<Label>,
    /// See [`Device::unit`].
    pub unit: Option<Label>,
    /// See [`Device::location`].
    pub location: Option<Label>,
    /// See [`Device::zone`].
    pub zone: Option<Label>,
    /// See [`Device::mds2`].
    pub mds2: Option<Label>,
    /// See [`Device::names`].
    pub names: Vec<ServerName>,
}

/// The device cannot go from where it is to where it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// It is never used again.
    #[error("this device was retired")]
    Retired,
    /// It is there already.
    #[error("this device is in that state already")]
    Already,
    /// It is held.
    #[error("this device is suspended or in quarantine")]
    Held,
    /// Workstations and phones are enrolled in their own ways.
    #[error("workstations and phones are not registered as devices")]
    Class,
    /// What it may do, and who approved it, follows from its class.
    #[error(
        "the class of a device that has had certificates cannot be changed: retire it, and register it anew"
    )]
    ClassFixed,
    /// Too many names.
    #[error("a device has at most {MOST_NAMES} names on the network")]
    Names,
}

impl Description {
    fn check(&self) -> Result<(), DeviceError> {
        if matches!(self.class, DeviceClass::Workstation | DeviceClass::Phone) {
            Err(DeviceError::Class)
        } else if self.names.len() > MOST_NAMES {
            Err(DeviceError::Names)
        } else {
            Ok(())
        }
    }
}

impl Device {
    /// Puts a device in the inventory.
    pub fn register(
        id: DeviceId,
        description: Description,
        by: Actor,
        now: Timestamp,
    ) -> Result<(Self, Event), DeviceError> {
        description.check()?;
        let (class, name) = (description.class, description.name.clone());
        let Description { manufacturer, model, serial_number, udi, unit, .. } = description;
        let Description { location, zone, mds2, names, .. } = description;
        let (state, since) = (Lifecycle::Registered, now);
        let event = Event::DeviceRegistered { device: id, class, name: name.clone() };
        let device = Self {
            id,
            name,
            class,
            manufacturer,
            model,
            serial_number,
            udi,
            unit,
            location,
            zone,
            mds2,
            names,
            state,
            since,
            activated_at: None,
            registered_by: by,
        };
        Ok((device, event))
    }

    /// What the inventory says of it.
    pub fn description(&self) -> Description {
        Description {
            name: self.name.clone(),
            class: self.class,
            manufacturer: self.manufacturer.clone(),
            model: self.model.clone(),
            serial_number: self.serial_number.clone(),
            udi: self.udi.clone(),
            unit: self.unit.clone(),
            location: self.location.clone(),
            zone: self.zone.clone(),
            mds2: self.mds2.clone(),
            names: self.names.clone(),
        }
    }

    /// Says something else of it. Saying what is so already is no event.
    pub fn describe(mut self, new: Description) -> Result<(Self, Option<Event>), DeviceError> {
        new.check()?;
        if self.state == Lifecycle::Retired {
            return Err(DeviceError::Retired);
        }
        let old = self.description();
        if old.class != new.class && self.activated_at.is_some() {
            return Err(DeviceError::ClassFixed);
        }
        let changed = [
            ("name", old.name != new.name),
            ("class", old.class != new.class),
            ("manufacturer", old.manufacturer != new.manufacturer),
            ("model", old.model != new.model),
            ("serial_number", old.serial_number != new.serial_number),
            ("udi", old.udi != new.udi),
            ("unit", old.unit != new.unit),
            ("location", old.location != new.location),
            ("zone", old.zone != new.zone),
            ("mds2", old.mds2 != new.mds2),
            ("names", old.names != new.names),
        ];
        let attributes: Vec<_> =
            changed.iter().filter(|(_, is)| *is).map(|(name, _)| (*name).to_owned()).collect();
        let Description { name, class, manufacturer, model, serial_number, udi, .. } = new;
        (self.name, self.class, self.manufacturer) = (name, class, manufacturer);
        (self.model, self.serial_number, self.udi) = (model, serial_number, udi);
        let Description { unit, location, zone, mds2, names, .. } = new;
        (self.unit, self.location, self.zone) = (unit, location, zone);
        (self.mds2, self.names) = (mds2, names);
        let event = Event::DeviceChanged { device: self.id, attributes };
        let is_empty =
            matches!(&event, Event::DeviceChanged { attributes, .. } if attributes.is_empty());
        Ok((self, (!is_empty).then_some(event)))
    }

    /// It is given a certificate; an event when it is the first.
    pub fn enrol(mut self, now: Timestamp) -> Result<(Self, Option<Event>), DeviceError> {
        match self.state {
            Lifecycle::Registered => {
                self.activated_at = Some(now);
                let reason = Remark::fixed("The device was given its first certificate.");
                let (device, event) = self.go(Lifecycle::Active, reason, now);
                Ok((device, Some(event)))
            }
            Lifecycle::Active => Ok((self, None)),
            Lifecycle::Suspended | Lifecycle::Quarantined => Err(DeviceError::Held),
            Lifecycle::Retired => Err(DeviceError::Retired),
        }
    }

    /// Takes it out of use for a while.
    pub fn suspend(self, reason: Remark, now: Timestamp) -> Result<(Self, Event), DeviceError> {
        match self.state {
            Lifecycle::Registered | Lifecycle::Active => {
                Ok(self.go(Lifecycle::Suspended, reason, now))
            }
            Lifecycle::Suspended => Err(DeviceError::Already),
            // Whoever suspends a suspect would take it out of quarantine.
            Lifecycle::Quarantined => Err(DeviceError::Held),
            Lifecycle::Retired => Err(DeviceError::Retired),
        }
    }

    /// Suspects it.
    pub fn quarantine(self, reason: Remark, now: Timestamp) -> Result<(Self, Event), DeviceError> {
        match self.state {
            Lifecycle::Registered | Lifecycle::Active | Lifecycle::Suspended => {
                Ok(self.go(Lifecycle::Quarantined, reason, now))
            }
            Lifecycle::Quarantined => Err(DeviceError::Already),
            Lifecycle::Retired => Err(DeviceError::Retired),
        }
    }

    /// Lets it be used again.
    pub fn reinstate(self, reason: Remark, now: Timestamp) -> Result<(Self, Event), DeviceError> {
        let back = match self.activated_at {
            Some(_) => Lifecycle::Active,
            None => Lifecycle::Registered,
        };
        match self.state {
            Lifecycle::Suspended | Lifecycle::Quarantined => Ok(self.go(back, reason, now)),
            Lifecycle::Registered | Lifecycle::Active => Err(DeviceError::Already),
            Lifecycle::Retired => Err(DeviceError::Retired),
        }
    }

    /// Ends its use for good.
    pub fn retire(self, reason: Remark, now: Timestamp) -> Result<(Self, Event), DeviceError> {
        match self.state {
            Lifecycle::Registered
            | Lifecycle::Active
            | Lifecycle::Suspended
            | Lifecycle::Quarantined => Ok(self.go(Lifecycle::Retired, reason, now)),
            Lifecycle::Retired => Err(DeviceError::Retired),
        }
    }

    fn go(mut self, state: Lifecycle, reason: Remark, now: Timestamp) -> (Self, Event) {
        (self.state, self.since) = (state, now);
        let event = Event::DeviceStateChanged { device: self.id, state, reason };
        (self, event)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

    pub(in crate::device) fn description(class: DeviceClass) -> Description {
        Description {
            name: "Pump 7".parse().unwrap(),
            class,
            manufacturer: Some("Acme".parse().unwrap()),
            model: None,
            serial_number: None,
            udi: None,
            unit: None,
            location: None,
            zone: None,
            mds2: None,
            names: vec![],
        }
    }

    fn pump() -> Device {
        let id = DeviceId::from(Uuid::from_u128(1));
        let described = description(DeviceClass::InfusionPump);
        Device::register(id, described, Actor::Server, NOW).unwrap().0
    }

    fn why() -> Remark {
        "maintenance".parse().unwrap()
    }

    #[test]
    fn the_first_certificate_makes_a_device_active_and_later_ones_change_nothing() {
        let (pump, event) = pump().enrol(NOW).unwrap();
        assert_eq!(event.unwrap().name(), "device-state-changed");
        assert_eq!((pump.state, pump.activated_at), (Lifecycle::Active, Some(NOW)));
        assert_eq!(pump.clone().enrol(NOW).unwrap(), (pump, None));
    }

    #[test]
    fn a_held_device_is_given_nothing_until_it_is_reinstated() {
        let (fresh, _) = pump().suspend(why(), NOW).unwrap();
        assert_eq!(fresh.clone().enrol(NOW).unwrap_err(), DeviceError::Held);
        assert_eq!(fresh.reinstate(why(), NOW).unwrap().0.state, Lifecycle::Registered);
        let (active, _) = pump().enrol(NOW).unwrap();
        let (suspect, _) = active.quarantine(why(), NOW).unwrap();
        assert_eq!(suspect.clone().enrol(NOW).unwrap_err(), DeviceError::Held);
        assert_eq!(suspect.clone().suspend(why(), NOW).unwrap_err(), DeviceError::Held);
        assert_eq!(suspect.reinstate(why(), NOW).unwrap().0.state, Lifecycle::Active);
    }

    #[test]
    fn a_retired_device_stays_so() {
        let (gone, _) = pump().retire(why(), NOW).unwrap();
        let gone = || gone.clone();
        assert_eq!(gone().enrol(NOW).unwrap_err(), DeviceError::Retired);
        assert_eq!(gone().suspend(why(), NOW).unwrap_err(), DeviceError::Retired);
        assert_eq!(gone().quarantine(why(), NOW).unwrap_err(), DeviceError::Retired);
        assert_eq!(gone().reinstate(why(), NOW).unwrap_err(), DeviceError::Retired);
        assert_eq!(gone().retire(why(), NOW).unwrap_err(), DeviceError::Retired);
        let described = gone().description();
        assert_eq!(gone().describe(described).unwrap_err(), DeviceError::Retired);
    }

    #[test]
    fn a_change_says_what_was_changed_and_the_class_is_fixed_by_the_first_certificate() {
        let mut new = description(DeviceClass::Analyser);
        new.unit = Some("Lab".parse().unwrap());
        let (changed, event) = pump().describe(new.clone()).unwrap();
        let Some(Event::DeviceChanged { attributes, .. }) = event else { panic!("no event") };
        assert_eq!(attributes, ["class", "unit"]);
        assert_eq!(changed.description(), new);
        assert_eq!(changed.clone().describe(new.clone()).unwrap(), (changed.clone(), None));
        let (active, _) = changed.enrol(NOW).unwrap();
        new.class = DeviceClass::Server;
        assert_eq!(active.describe(new).unwrap_err(), DeviceError::ClassFixed);
    }

    #[test]
    fn workstations_and_phones_are_no_devices() {
        let id = DeviceId::from(Uuid::from_u128(1));
        for class in [DeviceClass::Workstation, DeviceClass::Phone] {
            let refused = Device::register(id, description(class), Actor::Server, NOW);
            assert_eq!(refused.unwrap_err(), DeviceError::Class);
        }
    }
}

//! `devices`
use imp_identity::clock::to_micros;
use imp_identity::device::{Device, DeviceClass, Lifecycle, ServerName};
use imp_identity::invitation::Invitation;
use imp_identity::name::Label;
use imp_identity::{Actor, DeviceId, Digest};
use imp_storage::{Page, StorageError, Transaction, limit, on};
use uuid::Uuid;

use super::value::{corrupt, digest, instant, instant_if, text};

/// The inventory.
#[derive(Debug)]
pub struct Devices<'a>(pub(super) &'a mut Transaction);

/// A device's one-time code, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentCode {
    /// The code and its time.
    pub invitation: Invitation,
    /// Digest of the key with which it was shown first: it counts for no other.
    pub key: Option<Digest>,
    /// Who made it.
    pub by: Actor,
}

/// Which devices; everything that is named must be so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceFilter {
    /// Of this class.
    pub class: Option<DeviceClass>,
    /// In this state.
    pub state: Option<Lifecycle>,
    /// Of this unit.
    pub unit: Option<Label>,
}

/// A device that is in use: its class, its unit, its network zone.
pub type InUse = (DeviceId, DeviceClass, Option<Label>, Option<Label>);

#[derive(Debug, sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
struct DeviceRow {
    device_id: Uuid,
    device_name: String,
    device_class: String,
    device_manufacturer: Option<String>,
    device_model: Option<String>,
    device_serial_number: Option<String>,
    device_udi: Option<String>,
    device_unit: Option<String>,
    device_location: Option<String>,
    device_zone: Option<String>,
    device_mds2: Option<String>,
    device_names: String,
    device_state: String,
    device_since: i64,
    device_activated_at: Option<i64>,
    device_registered_by: String,
    device_code: Option<Vec<u8>>,
    device_code_expires_at: Option<i64>,
    device_code_key: Option<Vec<u8>>,
    device_invited_by: Option<String>,
}

impl DeviceRow {
    fn code(&self) -> Result<Option<EnrolmentCode>, StorageError> {
        let (Some(code), Some(expires_at)) = (&self.device_code, self.device_code_expires_at)
        else {
            return Ok(None);
        };
        let by = self.device_invited_by.as_deref().ok_or(corrupt("devices.device_invited_by"))?;
        let key = self.device_code_key.as_deref();
        Ok(Some(EnrolmentCode {
            invitation: Invitation {
                code: digest("devices.device_code", code)?,
                expires_at: instant("devices.device_code_expires_at", expires_at)?,
            },
            key: key.map(|key| digest("devices.device_code_key", key)).transpose()?,
            by: read_actor("devices.device_invited_by", by)?,
        }))
    }
}

impl TryFrom<DeviceRow> for Device {
    type Error = StorageError;

    fn try_from(row: DeviceRow) -> Result<Self, StorageError> {
        let names = row.device_names.split_ascii_whitespace();
        Ok(Self {
            id: row.device_id.into(),
            name: text("devices.device_name", &row.device_name)?,
            class: text("devices.device_class", &row.device_class)?,
            manufacturer: label("devices.device_manufacturer", row.device_manufacturer)?,
            model: label("devices.device_model", row.device_model)?,
            serial_number: label("devices.device_serial_number", row.device_serial_number)?,
            udi: label("devices.device_udi", row.device_udi)?,
            unit: label("devices.device_unit", row.device_unit)?,
            location: label("devices.device_location", row.device_location)?,
            zone: label("devices.device_zone", row.device_zone)?,
            mds2: label("devices.device_mds2", row.device_mds2)?,
            names: names
                .map(|name| text("devices.device_names", name))
                .collect::<Result<_, _>>()?,
            state: text("devices.device_state", &row.device_state)?,
            since: instant("devices.device_since", row.device_since)?,
            activated_at: instant_if("devices.device_activated_at", row.device_activated_at)?,
            registered_by: read_actor("devices.device_registered_by", &row.device_registered_by)?,
        })
    }
}

fn label(what: &'static str, stored: Option<String>) -> Result<Option<Label>, StorageError> {
    stored.map(|stored| text(what, &stored)).transpose()
}

/// Reads an actor.
pub(super) fn read_actor(what: &'static str, stored: &str) -> Result<Actor, StorageError> {
    serde_json::from_str(stored).map_err(|_| corrupt(what))
}

/// Writes an actor.
pub(super) fn write_actor(what: &'static str, actor: &Actor) -> Result<String, StorageError> {
    serde_json::to_string(actor).map_err(|_| corrupt(what))
}

fn joined(names: &[ServerName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

impl Devices<'_> {
    /// Adds a device; a unique violation when its name, its number, or one of its names on the network is another's.
    pub async fn add(&mut self, device: &Device) -> Result<(), StorageError> {
        const SQL: &str = "INSERT INTO devices (device_id, device_name, device_class, device_names, \
            device_state, device_since, device_registered_by) VALUES ($1, $2, $3, '', $4, $5, $6)";
        let by = write_actor("devices.device_registered_by", &device.registered_by)?;
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(device.id.as_uuid())
            .bind(device.name.as_str())
            .bind(device.class.code())
            .bind(device.state.code())
            .bind(to_micros(device.since))
            .bind(by)
            .execute(conn)
            .await
            .map(drop)?);
        self.describe(device).await
    }

    /// Stores what is said of it; a unique violation as when it is added.
    pub async fn describe(&mut self, device: &Device) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE devices SET device_name = $2, device_class = $3, \
            device_manufacturer = $4, device_model = $5, device_serial_number = $6, \
            device_udi = $7, device_unit = $8, device_location = $9, device_zone = $10, \
            device_mds2 = $11, device_names = $12 WHERE device_id = $1";
        on!(&mut *self.0, |conn| sqlx::query(SQL)
            .bind(device.id.as_uuid())
            .bind(device.name.as_str())
            .bind(device.class.code())
            .bind(device.manufacturer.as_ref().map(Label::as_str))
            .bind(device.model.as_ref().map(Label::as_str))
            .bind(device.serial_number.as_ref().map(Label::as_str))
            .bind(device.udi.as_ref().map(Label::as_str))
            .bind(device.unit.as_ref().map(Label::as_str))
            .bind(device.location.as_ref().map(Label::as_str))
            .bind(device.zone.as_ref().map(Label::as_str))
            .bind(device.mds2.as_ref().map(Label::as_str))
            .bind(joined(&device.names))
            .execute(conn)
            .await
            .map(drop)?);
        self.take_hosts(device).await
    }

    async fn take_hosts(&mut self, device: &Device) -> Result<(), StorageError> {
        const FORGET: &str = "DELETE FROM device_hosts WHERE device_id = $1";
        const TAKE: &str = "INSERT INTO device_hosts (device_host, device_id) VALUES ($1, $2)";
        let id = device.id.as_uuid();
        on!(&mut *self.0, |conn| sqlx::query(FORGET).bind(id).execute(conn).await.map(drop)?);
        for (at, name) in device.names.iter().enumerate() {
            if device.names.iter().take(at).any(|earlier| earlier == name) {
                continue;
            }
            let host = name.to_string();
            on!(&mut *self.0, |conn| sqlx::query(TAKE)
                .bind(&host)
                .bind(id)
                .execute(conn)
                .await
                .map(drop)?);
        }
        Ok(())
    }

    /// Stores its state.
    pub async fn update(&mut self, device: &Device) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE devices SET device_state = $2, device_since = $3, \
            device_activated_at = $4 WHERE device_id = $1";
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(device.id.as_uuid())
            .bind(device.state.code())
            .bind(to_micros(device.since))
            .bind(device.activated_at.map(to_micros))
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Stores a one-time code in the place of the one before, or what became of it; without one, none counts.
    pub async fn invite(
        &mut self,
        id: DeviceId,
        code: Option<&EnrolmentCode>,
    ) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE devices SET device_code = $2, device_code_expires_at = $3, \
            device_code_key = $4, device_invited_by = $5 WHERE device_id = $1";
        let by = code.map(|code| write_actor("devices.device_invited_by", &code.by)).transpose()?;
        on!(self.0, |conn| sqlx::query(SQL)
            .bind(id.as_uuid())
            .bind(code.map(|code| code.invitation.code.as_bytes().to_vec()))
            .bind(code.map(|code| to_micros(code.invitation.expires_at)))
            .bind(code.and_then(|code| code.key).map(|key| key.as_bytes().to_vec()))
            .bind(by)
            .execute(conn)
            .await
            .map(drop)?);
        Ok(())
    }

    /// One device.
    pub async fn find(&mut self, id: DeviceId) -> Result<Option<Device>, StorageError> {
        Ok(self.find_with_code(id).await?.map(|(device, _)| device))
    }

    /// One device and its one-time code.
    pub async fn find_with_code(
        &mut self,
        id: DeviceId,
    ) -> Result<Option<(Device, Option<EnrolmentCode>)>, StorageError> {
        const SQL: &str = "SELECT * FROM devices WHERE device_id = $1";
        let row: Option<DeviceRow> =
            on!(self.0, |conn| sqlx::query_as(SQL).bind(id.as_uuid()).fetch_optional(conn).await?);
        row.map(with_code).transpose()
    }

    /// The device that was invited with a code, used or not.
    pub async fn find_by_code(
        &mut self,
        code: Digest,
    ) -> Result<Option<(Device, EnrolmentCode)>, StorageError> {
        const SQL: &str = "SELECT * FROM devices WHERE device_code = $1";
        let row: Option<DeviceRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(code.as_bytes().as_slice())
            .fetch_optional(conn)
            .await?);
        let found = row.map(with_code).transpose()?;
        Ok(found.and_then(|(device, code)| Some((device, code?))))
    }

    /// The device with a manufacturer's number.
    pub async fn find_by_serial_number(
        &mut self,
        manufacturer: &str,
        serial_number: &str,
    ) -> Result<Option<Device>, StorageError> {
        const SQL: &str = "SELECT * FROM devices \
            WHERE device_manufacturer = $1 AND device_serial_number = $2";
        let row: Option<DeviceRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(manufacturer)
            .bind(serial_number)
            .fetch_optional(conn)
            .await?);
        row.map(Device::try_from).transpose()
    }

    /// The device that has a name or address on the network.
    pub async fn find_by_name(
        &mut self,
        name: &ServerName,
    ) -> Result<Option<Device>, StorageError> {
        const SQL: &str = "SELECT d.* FROM devices d \
            JOIN device_hosts h ON h.device_id = d.device_id WHERE h.device_host = $1";
        let row: Option<DeviceRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(name.to_string())
            .fetch_optional(conn)
            .await?);
        row.map(Device::try_from).transpose()
    }

    /// The device that people call so.
    pub async fn find_by_label(&mut self, name: &Label) -> Result<Option<Device>, StorageError> {
        const SQL: &str = "SELECT * FROM devices WHERE device_name = $1";
        let row: Option<DeviceRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(name.as_str())
            .fetch_optional(conn)
            .await?);
        row.map(Device::try_from).transpose()
    }

    /// The devices that are in use, with their classes, units and network zones.
    pub async fn in_use(&mut self) -> Result<Vec<InUse>, StorageError> {
        const SQL: &str = "SELECT device_id, device_class, device_unit, device_zone FROM devices \
            WHERE device_state = 'active' ORDER BY device_id";
        let rows: Vec<(Uuid, String, Option<String>, Option<String>)> =
            on!(self.0, |conn| sqlx::query_as(SQL).fetch_all(conn).await?);
        let in_use = |(id, class, unit, zone): (Uuid, String, _, _)| {
            let class = text("devices.device_class", &class)?;
            let unit = label("devices.device_unit", unit)?;
            Ok((id.into(), class, unit, label("devices.device_zone", zone)?))
        };
        rows.into_iter().map(in_use).collect()
    }

    /// The devices after one, in the order of their registration.
    pub async fn page(
        &mut self,
        filter: &DeviceFilter,
        after: Option<DeviceId>,
        asked: u32,
    ) -> Result<Page<Device, DeviceId>, StorageError> {
        const SQL: &str = "SELECT * FROM devices WHERE device_id > $1 \
            AND ($2 IS NULL OR device_class = $2) AND ($3 IS NULL OR device_state = $3) \
            AND ($4 IS NULL OR device_unit = $4) ORDER BY device_id LIMIT $5";
        let after = after.map_or(Uuid::nil(), DeviceId::as_uuid);
        let rows: Vec<DeviceRow> = on!(self.0, |conn| sqlx::query_as(SQL)
            .bind(after)
            .bind(filter.class.map(DeviceClass::code))
            .bind(filter.state.map(Lifecycle::code))
            .bind(filter.unit.as_ref().map(Label::as_str))
            .bind(limit(asked))
            .fetch_all(conn)
            .await?);
        let found: Vec<_> = rows.into_iter().map(Device::try_from).collect::<Result<_, _>>()?;
        Ok(Page::new(found, asked, |device| device.id))
    }
}

fn with_code(row: DeviceRow) -> Result<(Device, Option<EnrolmentCode>), StorageError> {
    let code = row.code()?;
    Ok((Device::try_from(row)?, code))
}

//! The rules: what a device may be given, by its state, its class, and what it asks for. Nothing is read or written here.
use imp_identity::device::{Device, Lifecycle, ServerName};
use imp_identity::spiffe::SpiffeId;
use imp_pki::Usage;
use jiff::SignedDuration;

use super::{IssueCertificateError, Order};
use crate::config::{ClassRule, DevicesConfig};

/// What a device is given.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) usage: Usage,
    pub(super) names: Vec<ServerName>,
    pub(super) lifetime: SignedDuration,
    pub(super) needs_approval: bool,
}

/// Decides.
pub(super) fn decide(
    rules: &DevicesConfig,
    device: &Device,
    order: &Order<'_>,
    id: &SpiffeId,
) -> Result<Decided, IssueCertificateError> {
    match device.state {
        Lifecycle::Registered | Lifecycle::Active => {}
        Lifecycle::Suspended | Lifecycle::Quarantined => return Err(IssueCertificateError::Held),
        Lifecycle::Retired => return Err(IssueCertificateError::Retired),
    }
    let rule = rules.rule(device.class);
    if !rule.means.contains(&order.means) {
        return Err(IssueCertificateError::Means);
    }
    if !comes_from(&rule, device) {
        return Err(IssueCertificateError::Manufacturer);
    }
    if !rule.keys.contains(&order.request.public_key().kind()) {
        return Err(IssueCertificateError::KeyKind);
    }
    let usage = usage(&rule, order.profile)?;
    let names = names(device, order, id)?;
    Ok(Decided { usage, names, lifetime: rule.lifetime, needs_approval: rule.approval })
}

fn comes_from(rule: &ClassRule, device: &Device) -> bool {
    let manufacturer = device.manufacturer.as_ref().map_or("", |name| name.as_str());
    rule.manufacturers.is_empty() || rule.manufacturers.iter().any(|name| name == manufacturer)
}

fn usage(rule: &ClassRule, wanted: Option<&str>) -> Result<Usage, IssueCertificateError> {
    let usage = match wanted {
        Some(word) => word.parse().ok(),
        None => rule.profiles.first().copied(),
    };
    usage.filter(|usage| rule.profiles.contains(usage)).ok_or(IssueCertificateError::Profile)
}

/// The names: those of the order, when the inventory knows them, and the request asks for no others.
fn names(
    device: &Device,
    order: &Order<'_>,
    id: &SpiffeId,
) -> Result<Vec<ServerName>, IssueCertificateError> {
    let asked = order.request.asked();
    if asked.others.iter().any(|text| text.starts_with('*')) {
        return Err(IssueCertificateError::Wildcard);
    }
    let own = id.to_string();
    let is_extra = !asked.others.is_empty()
        || asked.uris.iter().any(|uri| *uri != own)
        || asked.names.iter().any(|name| !order.names.contains(name));
    if is_extra {
        return Err(IssueCertificateError::ExtraName);
    }
    let mut names: Vec<ServerName> = vec![];
    for name in &order.names {
        if !device.names.contains(name) {
            return Err(IssueCertificateError::UnregisteredName);
        }
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Ok(names)
}

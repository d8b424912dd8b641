//! Bluetooth through `BlueZ`: the workstation's side by btleplug, the phone's by bluer.
mod central;
mod kept;
mod listener;
mod peripheral;

pub(super) use central::BluezCentral;
pub(super) use peripheral::BluezPeripheral;

#[cfg(test)]
mod tests;

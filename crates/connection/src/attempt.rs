//! Somebody connects to somebody.
use imp_identity::device::DeviceClass;
use imp_identity::spiffe::SpiffeId;
use jiff::Timestamp;

use crate::ports::Protocol;

/// A machine, as a policy sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party<'a> {
    /// Its name, of which its certificate was the proof.
    pub machine: &'a SpiffeId,
    /// What sort of machine it is.
    pub class: DeviceClass,
    /// The unit that owns it.
    pub unit: Option<&'a str>,
    /// The zone of the network that it stands in.
    pub zone: Option<&'a str>,
}

/// A connection that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// Who connects.
    pub from: Party<'a>,
    /// To whom.
    pub to: Party<'a>,
    /// By what.
    pub protocol: Protocol,
    /// The port of whom it is connected to.
    pub port: u16,
    /// When.
    pub at: Timestamp,
}

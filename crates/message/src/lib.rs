//! Messages between machines: who sent this, to whom, when, as which of her messages; and that nobody changed it. No input or output:
//! bytes and time are arguments, the machine's key is a closure, and what stands behind a certificate is asked of a [`Trust`].
//!
//! [`signature`] makes and reads detached signatures (JWS, RFC 7515 appendix F and RFC 7797); [`verify`] says whether one is by a machine
//! that we trust; [`memory`] is what a receiver remembers, so that nothing is accepted twice or out of turn, and [`counter`] what a
//! sender counts with; [`frame`] is how two gateways carry signed messages over TLS; [`mllp`] and [`hl7`] are the plain
//! side: HL7 v2 over the Minimal Lower Layer Protocol.
pub mod counter;
pub mod frame;
pub mod fuzz;
pub mod hl7;
pub mod memory;
pub mod mllp;
pub mod signature;
pub mod stream;
pub mod verify;

#[cfg(test)]
mod testing;

pub use counter::Counter;
pub use frame::{Frame, FrameDecoder, FrameError};
pub use memory::{Admitted, Memory, MemoryLimits, Order};
pub use signature::{Assurance, Message, Signature, SignatureError, SigningError, sign};
pub use stream::{InvalidStream, Stream};
pub use verify::{Authentic, Expected, NotAuthentic, Refused, Signatory, Trust, verify};

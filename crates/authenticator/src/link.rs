//! skeleton
/// What went over a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Bytes of all frames that were sent.
    pub bytes_sent: u64,
    /// Bytes of all frames that were received.
    pub bytes_received: u64,
    /// Frames that were sent.
    pub frames_sent: u64,
    /// Frames that were received.
    pub frames_received: u64,
    /// Frames that were sent again.
    pub retransmissions: u64,
    /// Received frames that were dropped: truncated, corrupted, or not a frame at all.
    pub malformed: u64,
    /// Received frames that were there already.
    pub duplicates: u64,
}

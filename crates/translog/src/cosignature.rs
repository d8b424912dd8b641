//! Cosignatures: what a witness says that it saw, and when (C2SP tlog-cosignature, cosignature/v1).

/// What a witness signs: the time, in POSIX seconds, and the whole text of the checkpoint. Nothing when the time is beyond
/// what the format allows.
pub(crate) fn message(time: u64, checkpoint: &str) -> Option<String> {
    i64::try_from(time).ok()?;
    Some(format!("cosignature/v1\ntime {time}\n{checkpoint}"))
}

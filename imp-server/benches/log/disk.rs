//! What the disk can do: how often a second something can be made to last.
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long is measured.
const SPAN: Duration = Duration::from_secs(2);

/// Appends of 4 KiB a second to a file in `folder`, each made to last with `fdatasync`: what one writer who waits for the
/// disk can reach at most.
pub(super) fn syncs_per_second(folder: &Path) -> io::Result<f64> {
    let path = folder.join("sync");
    let mut file = File::create(&path)?;
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < SPAN {
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        count += 1;
    }
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    drop(file);
    std::fs::remove_file(path)?;
    Ok(rate)
}

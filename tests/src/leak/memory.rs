//! The memory of a running process (Linux, `proc_pid_mem(5)`).
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;

use super::Form;

/// Read at once; windows across the border are seen because pieces overlap.
const PIECE: usize = 1 << 22;
/// Longer than any window.
const OVERLAP: usize = 64;

/// The address ranges of a process that hold data of its own: readable, and not a mapped file that it cannot write.
pub fn readable_regions(pid: u32) -> io::Result<Vec<(u64, u64)>> {
    let maps = BufReader::new(File::open(format!("/proc/{pid}/maps"))?);
    let mut regions = Vec::new();
    for line in maps.lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let (Some(range), Some(mode)) = (words.next(), words.next()) else { continue };
        let special = line.contains("[vvar") || line.contains("[vsyscall]");
        if !mode.starts_with("rw") || special {
            continue;
        }
        let bounds = range.split_once('-').and_then(|(from, to)| {
            Some((u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?))
        });
        regions.extend(bounds);
    }
    Ok(regions)
}

/// The names of the forms of which some window is in the memory of process `pid`, each with how many windows were seen,
/// and the number of bytes that were looked at.
pub fn process_memory_holds(pid: u32, forms: &[Form]) -> io::Result<(Vec<(String, usize)>, u64)> {
    let index = Index::of(forms);
    let mut counts = vec![0; forms.len()];
    let mut looked_at = 0;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut piece = vec![0; PIECE + OVERLAP];
    for (from, to) in readable_regions(pid)? {
        let mut at = from;
        while at < to {
            let length = usize::try_from(to - at).unwrap_or(usize::MAX).min(piece.len());
            // A region may vanish while we look: what is gone holds nothing.
            let Ok(read) = memory.read_at(&mut piece[..length], at) else { break };
            if read == 0 {
                break;
            }
            index.count(&piece[..read], &mut counts);
            looked_at += read as u64;
            at += PIECE as u64;
        }
    }
    let seen = forms.iter().zip(counts).filter(|(_, n)| *n > 0);
    Ok((seen.map(|(form, n)| (form.name.clone(), n)).collect(), looked_at))
}

/// All windows of all forms, by their first bytes.
struct Index<'a> {
    /// Whether some window begins with these two bytes.
    begins: Vec<bool>,
    windows: HashMap<[u8; 8], Vec<(usize, &'a [u8])>>,
}

impl<'a> Index<'a> {
    fn of(forms: &'a [Form]) -> Self {
        let mut index = Self { begins: vec![false; 1 << 16], windows: HashMap::new() };
        for (number, form) in forms.iter().enumerate() {
            for window in form.windows() {
                let Some(head) = window.first_chunk::<8>() else { continue };
                index.begins[usize::from(u16::from_le_bytes([head[0], head[1]]))] = true;
                index.windows.entry(*head).or_default().push((number, window));
            }
        }
        index
    }

    fn count(&self, piece: &[u8], counts: &mut [usize]) {
        for (at, head) in piece.windows(8).enumerate() {
            if !self.begins[usize::from(u16::from_le_bytes([head[0], head[1]]))] {
                continue;
            }
            let Some(windows) = head.first_chunk::<8>().and_then(|h| self.windows.get(h)) else {
                continue;
            };
            for (number, window) in windows {
                counts[*number] += usize::from(piece[at..].starts_with(window));
            }
        }
    }
}

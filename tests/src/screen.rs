//! A display without a screen (Xvfb), keys for it, and its pixels: what it shows lies in a file (`-fbdir`), as XWD (X11/XWDFile.h).
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use crate::process::{PATIENCE, POLL, ProcessError, Running};

/// A display; it ends when this is dropped.
pub struct Screen {
    /// `:7`
    pub display: String,
    folder: TempDir,
    _server: Running,
}

/// What a display shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels from left to right.
    pub width: usize,
    /// Red, green and blue, row by row from above.
    pub pixels: Vec<[u8; 3]>,
}

impl Screen {
    /// Starts a display of so many pixels; the server chooses its number.
    pub fn start(width: usize, height: usize) -> Result<Self, ProcessError> {
        let cannot = |source| ProcessError::Start { program: "Xvfb".to_owned(), source };
        let folder = tempfile::tempdir().map_err(cannot)?;
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", &format!("{width}x{height}x24")]);
        command.args(["-nolisten", "tcp", "-noreset", "-fbdir"]).arg(folder.path());
        let server = Running::start("Xvfb", &mut command)?;
        let number = server.line(|line| line.trim().parse::<u32>().ok())?;
        Ok(Self { display: format!(":{number}"), folder, _server: server })
    }

    /// A command for a program that draws here.
    pub fn command(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.display).env("LIBGL_ALWAYS_SOFTWARE", "1");
        command.env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
        command
    }

    /// Presses a key, as `xdotool` calls it.
    pub fn press(&self, key: &str) -> std::io::Result<()> {
        let mut command = self.command("xdotool".into());
        command.args(["key", key]).stdout(Stdio::null()).status().map(|_| ())
    }

    /// What it shows now; nothing, while the file is being written.
    pub fn picture(&self) -> Option<Picture> {
        let bytes = std::fs::read(self.folder.path().join("Xvfb_screen0")).ok()?;
        let word = |index: usize| {
            let bytes = bytes.get(index * 4..index * 4 + 4)?;
            usize::try_from(u32::from_be_bytes(bytes.try_into().ok()?)).ok()
        };
        let (header, width, height) = (word(0)?, word(4)?, word(5)?);
        let (row_bytes, colours) = (word(12)?, word(19)?);
        let start = header + colours * 12;
        let mut pixels = Vec::with_capacity(width * height);
        for row in bytes.get(start..)?.chunks(row_bytes).take(height) {
            let row = row.get(..width * 4)?;
            pixels.extend(row.chunks_exact(4).map(|p| [p[2], p[1], p[0]]));
        }
        (pixels.len() == width * height).then_some(Picture { width, pixels })
    }

    /// Waits until it shows what is `wanted`, twice in a row, so that nothing is half drawn.
    ///
    /// # Panics
    /// If it does not, within half a minute.
    pub fn until(&self, what: &str, wanted: impl Fn(&Picture) -> bool) -> Picture {
        let begin = Instant::now();
        let mut before = None;
        loop {
            let now = self.picture().filter(&wanted);
            if let Some(now) = now.clone()
                && Some(&now) == before.as_ref()
            {
                return now;
            }
            assert!(begin.elapsed() < PATIENCE, "never shown: {what}");
            before = now;
            std::thread::sleep(POLL * 4);
        }
    }
}

impl Picture {
    /// How many pixels have this colour.
    pub fn count(&self, colour: [u8; 3]) -> usize {
        self.pixels.iter().filter(|pixel| **pixel == colour).count()
    }

    /// How many colours there are.
    pub fn colours(&self) -> usize {
        self.pixels.iter().collect::<BTreeSet<_>>().len()
    }

    /// Its uppermost `rows`.
    #[must_use]
    pub fn top(&self, rows: usize) -> Self {
        let pixels = self.pixels[..rows * self.width].to_vec();
        Self { width: self.width, pixels }
    }

    /// How many pixels another picture has otherwise.
    pub fn differs(&self, other: &Self) -> usize {
        self.pixels.iter().zip(&other.pixels).filter(|(one, two)| one != two).count()
    }
}

//! Questions on a terminal. An answer that is not understood is asked for again; one that does not come ends the dialogue.
use std::io::BufRead;

use super::{Device, Failure, output};

/// Longest answer, in bytes.
const LONGEST: usize = 4096;
/// Most answers to one question that are not understood.
const PATIENCE: usize = 20;

/// Asks, or takes the first thing that is there.
pub(super) struct Dialogue<R> {
    input: R,
    asks: bool,
}

impl<R: BufRead> Dialogue<R> {
    pub(super) const fn new(input: R, asks: bool) -> Self {
        Self { input, asks }
    }

    /// Whether anybody is asked.
    pub(super) const fn asks(&self) -> bool {
        self.asks
    }

    /// Asks until the answer is understood; an empty one is `usual`.
    pub(super) fn ask<T>(
        &mut self,
        question: &str,
        usual: Option<&str>,
        understand: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        if !self.asks {
            let usual =
                usual.ok_or_else(|| format!("not given, and nobody is asked: {question}"))?;
            return understand(usual).map_err(Failure::from);
        }
        let shown = usual.filter(|usual| !usual.is_empty());
        let shown = shown.map_or_else(String::new, |usual| format!(" [{usual}]"));
        for _ in 0..PATIENCE {
            output::say(&format!("{question}{shown}:"));
            let line = self.line()?;
            let answer = if line.is_empty() { usual.unwrap_or_default() } else { line.as_str() };
            match understand(answer) {
                Ok(understood) => return Ok(understood),
                Err(wrong) => output::say(&format!("  That is not understood: {wrong}")),
            }
        }
        Err(format!("no answer was understood: {question}").into())
    }

    /// Offers devices by number; without any, nothing is chosen.
    pub(super) fn choose(
        &mut self,
        what: &str,
        found: &[Device],
    ) -> Result<Option<String>, Failure> {
        if found.is_empty() {
            output::say(&format!("{what}: there is none here now. What is configured stays."));
            return Ok(None);
        }
        for (number, device) in found.iter().enumerate() {
            output::say(&format!("  {}  {}  {}", number + 1, device.name, device.title));
        }
        let pick = |text: &str| {
            let number: usize = text.parse().map_err(|_| "a number is expected".to_owned())?;
            let device = number.checked_sub(1).and_then(|at| found.get(at));
            device.map(|d| d.name.clone()).ok_or_else(|| format!("1 to {}", found.len()))
        };
        self.ask(&format!("{what}, by its number"), Some("1"), pick).map(Some)
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = Vec::new();
        loop {
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                return Err(
                    "the answers ended before the questions: run this again, nothing is lost"
                        .into(),
                );
            }
            let end = chunk.iter().position(|&byte| byte == b'\n');
            let taken = end.unwrap_or(chunk.len());
            line.extend_from_slice(&chunk[..taken.min(LONGEST)]);
            self.input.consume(taken + usize::from(end.is_some()));
            if line.len() > LONGEST {
                return Err("the answer is too long".into());
            }
            if end.is_some() {
                return Ok(String::from_utf8_lossy(&line).trim().to_owned());
            }
        }
    }
}

//! Who tells the story.
use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};

/// Prints acts, commands and verdicts.
pub struct Narrator {
    silent: bool,
    colours: bool,
    act: Cell<usize>,
    checks: Cell<usize>,
    failures: Cell<usize>,
}

impl Default for Narrator {
    fn default() -> Self {
        Self::new()
    }
}

impl Narrator {
    /// Speaks on standard output.
    pub fn new() -> Self {
        let colours = std::io::stdout().is_terminal();
        Self { silent: false, colours, ..Self::silent() }
    }

    /// Says nothing, and still counts.
    pub fn silent() -> Self {
        Self {
            silent: true,
            colours: false,
            act: Cell::new(0),
            checks: Cell::new(0),
            failures: Cell::new(0),
        }
    }

    /// A new act.
    pub fn act(&self, title: &str) {
        self.act.set(self.act.get() + 1);
        self.line("");
        self.line(&self.paint("1", &format!("ACT {} · {title}", self.act.get())));
    }

    /// What is going on, for a person who has never seen it.
    pub fn say(&self, text: &str) {
        self.line(&format!("  {text}"));
    }

    /// A command that is run now.
    pub fn command(&self, typed: &str) {
        self.line(&self.paint("36", &format!("    $ {typed}")));
    }

    /// An expectation and whether it was met.
    pub fn check(&self, met: bool, text: &str) {
        self.checks.set(self.checks.get() + 1);
        if met {
            self.line(&format!("    {} {text}", self.paint("32", "✓")));
        } else {
            self.failures.set(self.failures.get() + 1);
            self.line(&format!("    {} {text}", self.paint("31", "✗ NOT AS IT SHOULD BE:")));
        }
    }

    /// Something printed as it is.
    pub fn quote(&self, text: &str) {
        for line in text.trim_end().lines() {
            self.line(&format!("      {line}"));
        }
    }

    /// A line as it is.
    pub fn line(&self, text: &str) {
        if self.silent {
            return;
        }
        // Whoever read this has gone; the play goes on and its status still counts.
        let _unread = writeln!(std::io::stdout(), "{text}");
    }

    /// Expectations that were met or not.
    pub fn checks(&self) -> usize {
        self.checks.get()
    }

    /// Expectations that were not met.
    pub fn failures(&self) -> usize {
        self.failures.get()
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

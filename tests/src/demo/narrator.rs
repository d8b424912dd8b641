//! Who tells the story.
use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};

/// Prints acts, commands and verdicts.
pub(super) struct Narrator {
    colours: bool,
    act: Cell<usize>,
    checks: Cell<usize>,
    failures: Cell<usize>,
}

impl Narrator {
    pub(super) fn new() -> Self {
        let colours = std::io::stdout().is_terminal();
        Self { colours, act: Cell::new(0), checks: Cell::new(0), failures: Cell::new(0) }
    }

    /// A new act.
    pub(super) fn act(&self, title: &str) {
        self.act.set(self.act.get() + 1);
        self.line("");
        self.line(&self.paint("1", &format!("ACT {} · {title}", self.act.get())));
    }

    /// What is going on, for a person who has never seen it.
    pub(super) fn say(&self, text: &str) {
        self.line(&format!("  {text}"));
    }

    /// A command that is run now.
    pub(super) fn command(&self, typed: &str) {
        self.line(&self.paint("36", &format!("    $ {typed}")));
    }

    /// An expectation and whether it was met.
    pub(super) fn check(&self, met: bool, text: &str) {
        self.checks.set(self.checks.get() + 1);
        if met {
            self.line(&format!("    {} {text}", self.paint("32", "✓")));
        } else {
            self.failures.set(self.failures.get() + 1);
            self.line(&format!("    {} {text}", self.paint("31", "✗ NOT AS IT SHOULD BE:")));
        }
    }

    /// Something printed as it is.
    pub(super) fn quote(&self, text: &str) {
        for line in text.trim_end().lines() {
            self.line(&format!("      {line}"));
        }
    }

    pub(super) fn line(&self, text: &str) {
        // Whoever read this has gone; the play goes on and its status still counts.
        let _unread = writeln!(std::io::stdout(), "{text}");
    }

    /// Expectations that were met or not.
    pub(super) fn checks(&self) -> usize {
        self.checks.get()
    }

    /// Expectations that were not met.
    pub(super) fn failures(&self) -> usize {
        self.failures.get()
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

//! The languages of the window. English, Italian and Greek say the same things: a text that lacks a language does not compile.
mod reasons;
mod texts;

pub(crate) use reasons::{abandoned, refused};
pub(crate) use texts::Text;

/// A language that the window speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Italian.
    Italian,
    /// Greek.
    Greek,
}

impl Language {
    /// All of them, in the order in which one follows the other.
    pub const ALL: [Self; 3] = [Self::English, Self::Italian, Self::Greek];

    /// The language of a locale (`it_IT.UTF-8`) or a code (`it`); English for any other.
    pub fn of_locale(locale: &str) -> Self {
        match locale.split(['_', '-', '.', '@']).next().unwrap_or_default() {
            "it" => Self::Italian,
            "el" => Self::Greek,
            _ => Self::English,
        }
    }

    /// What its speakers call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Italian => "Italiano",
            Self::Greek => "Ελληνικά",
        }
    }

    /// The one that follows.
    pub(crate) const fn next(self) -> Self {
        match self {
            Self::English => Self::Italian,
            Self::Italian => Self::Greek,
            Self::Greek => Self::English,
        }
    }
}

#[cfg(test)]
mod tests;

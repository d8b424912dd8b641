//! Filters (RFC 7644 §3.4.2.2).
use serde_json::Value;

use crate::error::{ScimError, ScimType};
use crate::path::AttributePath;

mod evaluate;
mod narrow;
mod parse;
#[cfg(test)]
mod tests;

pub use narrow::Narrow;
pub(crate) use parse::{InvalidFilter, Parser};

/// The longest filter, in bytes.
pub const LONGEST: usize = 4096;
/// How deep parentheses, brackets and `not` may be nested.
const DEEPEST: usize = 16;
/// The most comparisons in one filter.
const COMPARISONS: usize = 64;

/// A filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of them.
    And(Vec<Self>),
    /// One of them.
    Or(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
    /// A value stands to another like this.
    Compare {
        /// Whose value.
        path: AttributePath,
        /// How.
        operator: Operator,
        /// The other: text, a number, true, false or null.
        value: Value,
    },
    /// The attribute has a value (`pr`).
    Present(AttributePath),
    /// One value of a complex attribute fits the filter by its parts.
    Within {
        /// The attribute.
        path: AttributePath,
        /// The filter.
        filter: Box<Self>,
    },
}

/// How two values stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `co`
    Contains,
    /// `sw`
    StartsWith,
    /// `ew`
    EndsWith,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

impl Filter {
    /// Reads a filter: at most [`LONGEST`] bytes, 16 levels and 64 comparisons.
    pub fn parse(text: &str) -> Result<Self, ScimError> {
        let mut parser = Parser::new(text).map_err(refused)?;
        let filter = parser.filter().map_err(refused)?;
        if parser.at_end() { Ok(filter) } else { Err(refused(parser.unexpected())) }
    }

    /// Whether it looks at an attribute of this name.
    pub fn asks_about(&self, name: &str) -> bool {
        match self {
            Self::And(terms) | Self::Or(terms) => terms.iter().any(|it| it.asks_about(name)),
            Self::Not(term) => term.asks_about(name),
            Self::Present(path) | Self::Compare { path, .. } | Self::Within { path, .. } => {
                path.name.eq_ignore_ascii_case(name)
            }
        }
    }
}

fn refused(error: InvalidFilter) -> ScimError {
    ScimError::bad(ScimType::InvalidFilter, error.to_string())
}

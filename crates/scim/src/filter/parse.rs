//! Reading filters, by recursive descent.
use serde_json::Value;

use super::{COMPARISONS, DEEPEST, Filter, LONGEST, Operator};
use crate::path::{AttributePath, is_path_character};

/// The text is not a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidFilter {
    /// Longer than is read.
    #[error("the filter is longer than {LONGEST} bytes")]
    TooLong,
    /// Nested deeper than is read.
    #[error("the filter is nested deeper than {DEEPEST} levels")]
    TooDeep,
    /// More comparisons than are made.
    #[error("the filter has more than {COMPARISONS} comparisons")]
    TooMany,
    /// Something else was expected.
    #[error("the filter is not one: see character {at}")]
    Unexpected {
        /// The first byte that cannot stand there.
        at: usize,
    },
}

/// What is being read, and how far.
pub(crate) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    comparisons: usize,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(text: &'a str) -> Result<Self, InvalidFilter> {
        if text.len() > LONGEST {
            return Err(InvalidFilter::TooLong);
        }
        Ok(Self { text, at: 0, depth: 0, comparisons: 0 })
    }

    /// Whether nothing but blanks is left.
    pub(crate) fn at_end(&mut self) -> bool {
        self.skip_blanks();
        self.rest().is_empty()
    }

    pub(crate) const fn unexpected(&self) -> InvalidFilter {
        InvalidFilter::Unexpected { at: self.at }
    }

    /// Terms with `or` between them: it binds loosest.
    pub(crate) fn filter(&mut self) -> Result<Filter, InvalidFilter> {
        let mut terms = vec![self.conjunction()?];
        while self.keyword("or") {
            terms.push(self.conjunction()?);
        }
        Ok(single(terms, Filter::Or))
    }

    fn conjunction(&mut self) -> Result<Filter, InvalidFilter> {
        let mut terms = vec![self.term()?];
        while self.keyword("and") {
            terms.push(self.term()?);
        }
        Ok(single(terms, Filter::And))
    }

    fn term(&mut self) -> Result<Filter, InvalidFilter> {
        if self.symbol('(') {
            return self.nested(')');
        }
        let before = self.at;
        if self.keyword("not") {
            if self.symbol('(') {
                return Ok(Filter::Not(Box::new(self.nested(')')?)));
            }
            self.at = before;
        }
        self.expression()
    }

    /// A filter up to what closes it.
    pub(crate) fn nested(&mut self, close: char) -> Result<Filter, InvalidFilter> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(InvalidFilter::TooDeep);
        }
        let filter = self.filter()?;
        self.depth -= 1;
        if self.symbol(close) { Ok(filter) } else { Err(self.unexpected()) }
    }

    fn expression(&mut self) -> Result<Filter, InvalidFilter> {
        let path = self.path()?;
        if self.symbol('[') {
            let filter = Box::new(self.nested(']')?);
            return Ok(Filter::Within { path, filter });
        }
        self.comparisons += 1;
        if self.comparisons > COMPARISONS {
            return Err(InvalidFilter::TooMany);
        }
        if self.keyword("pr") {
            return Ok(Filter::Present(path));
        }
        let operator = self.operator()?;
        Ok(Filter::Compare { path, operator, value: self.value()? })
    }

    /// The name of an attribute.
    pub(crate) fn path(&mut self) -> Result<AttributePath, InvalidFilter> {
        self.skip_blanks();
        let rest = self.rest();
        let end = rest.bytes().position(|byte| !is_path_character(byte)).unwrap_or(rest.len());
        let path = rest[..end].parse().map_err(|_| self.unexpected())?;
        self.at += end;
        Ok(path)
    }

    fn operator(&mut self) -> Result<Operator, InvalidFilter> {
        const OPERATORS: [(&str, Operator); 9] = [
            ("eq", Operator::Equal),
            ("ne", Operator::NotEqual),
            ("co", Operator::Contains),
            ("sw", Operator::StartsWith),
            ("ew", Operator::EndsWith),
            ("gt", Operator::Greater),
            ("ge", Operator::GreaterOrEqual),
            ("lt", Operator::Less),
            ("le", Operator::LessOrEqual),
        ];
        let found = OPERATORS.into_iter().find(|(word, _)| self.keyword(word));
        found.map(|(_, operator)| operator).ok_or_else(|| self.unexpected())
    }

    /// A JSON value that is neither an array nor an object.
    fn value(&mut self) -> Result<Value, InvalidFilter> {
        self.skip_blanks();
        for (word, value) in
            [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)]
        {
            if self.keyword(word) {
                return Ok(value);
            }
        }
        let rest = self.rest();
        let end = if rest.starts_with('"') { string_end(rest) } else { number_end(rest) };
        let end = end.ok_or_else(|| self.unexpected())?;
        let value = serde_json::from_str(&rest[..end]).map_err(|_| self.unexpected())?;
        self.at += end;
        Ok(value)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    /// Passes a word, whatever its case, that ends there.
    fn keyword(&mut self, word: &str) -> bool {
        self.skip_blanks();
        let rest = self.rest().as_bytes();
        let there =
            rest.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word.as_bytes()));
        let ends = rest.get(word.len()).is_none_or(|byte| !is_path_character(*byte));
        if there && ends {
            self.at += word.len();
        }
        there && ends
    }

    fn symbol(&mut self, symbol: char) -> bool {
        self.skip_blanks();
        let there = self.rest().starts_with(symbol);
        if there {
            self.at += symbol.len_utf8();
        }
        there
    }

    /// Passes a character where nothing but it may stand, without blanks before it.
    pub(crate) fn immediately(&mut self, symbol: char) -> bool {
        let there = self.rest().starts_with(symbol);
        if there {
            self.at += symbol.len_utf8();
        }
        there
    }
}

fn single(mut terms: Vec<Filter>, many: fn(Vec<Filter>) -> Filter) -> Filter {
    match (terms.len(), terms.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            terms.extend(last);
            many(terms)
        }
    }
}

/// Where a JSON string ends that begins the text.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn number_end(text: &str) -> Option<usize> {
    let number = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let end = text.bytes().position(|byte| !number(byte)).unwrap_or(text.len());
    (end > 0).then_some(end)
}

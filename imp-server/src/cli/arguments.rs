//! Values that people type, parsed.
use std::str::FromStr;

use imp_identity::name::Username;
use imp_identity::user::User;
use imp_storage::Storage;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

use super::output::{Failure, failure};
use crate::command;

/// The user of that name.
pub(super) async fn user(storage: &Storage, username: &Username) -> Result<User, Failure> {
    let found = command::find_username(storage, username).await?;
    found.ok_or_else(|| failure(format!("there is no user `{username}`")))
}

/// An instant: by itself, as the beginning of a day in UTC, or as how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// That instant.
    At(Timestamp),
    /// So long before now.
    Ago(SignedDuration),
}

/// The text is not a time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a time: 2026-11-22T06:00:00Z, 2026-11-22, or how long ago, such as 90m, 8h or 7d, is expected"
)]
pub(super) struct InvalidWhen;

impl When {
    /// The instant, at `now`.
    pub(super) fn instant(self, now: Timestamp) -> Result<Timestamp, jiff::Error> {
        match self {
            Self::At(at) => Ok(at),
            Self::Ago(ago) => now.checked_sub(ago),
        }
    }
}

impl FromStr for When {
    type Err = InvalidWhen;

    fn from_str(text: &str) -> Result<Self, InvalidWhen> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        if let Ok(day) = text.parse::<Date>() {
            let midnight = day.to_zoned(TimeZone::UTC).map_err(|_| InvalidWhen)?;
            return Ok(Self::At(midnight.timestamp()));
        }
        let span: Span = text.parse().map_err(|_| InvalidWhen)?;
        let ago = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| InvalidWhen)?;
        if ago.is_negative() { Err(InvalidWhen) } else { Ok(Self::Ago(ago)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_instants_days_or_ages() {
        let instant: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-11-22T06:00:00Z", Ok(When::At(instant))),
            ("2026-11-22", Ok(When::At("2026-11-22T00:00:00Z".parse().unwrap()))),
            ("8h", Ok(When::Ago(SignedDuration::from_hours(8)))),
            ("90m", Ok(When::Ago(SignedDuration::from_mins(90)))),
            ("7d", Ok(When::Ago(SignedDuration::from_hours(168)))),
            ("-7d", Err(InvalidWhen)),
            ("yesterday", Err(InvalidWhen)),
            ("", Err(InvalidWhen)),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
        let eight = When::Ago(SignedDuration::from_hours(6)).instant(instant).unwrap();
        assert_eq!(eight, "2026-11-22T00:00:00Z".parse().unwrap());
    }
}

//! The texts of the questions: one a column and direction, the same for both databases.

/// The column whose index a walk goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// The user concerned.
    User,
    /// The user who acted.
    Actor,
    /// The workstation.
    Workstation,
    /// The phone or other device.
    Device,
    /// The event's name.
    Kind,
    /// What came of it.
    Outcome,
    /// None: the log itself.
    All,
}

/// Picks the text of a column; `$text` is a macro that makes it from the walk's own condition.
macro_rules! by_column {
    ($column:expr, $value:literal, $text:ident $($order:tt)?) => {
        match $column {
            Column::User => $text!(concat!("AND user_id = ", $value) $(, $order)?),
            Column::Actor => $text!(concat!("AND actor_id = ", $value) $(, $order)?),
            Column::Workstation => $text!(concat!("AND workstation_id = ", $value) $(, $order)?),
            Column::Device => $text!(concat!("AND device_id = ", $value) $(, $order)?),
            Column::Kind => $text!(concat!("AND kind = ", $value) $(, $order)?),
            Column::Outcome => $text!(concat!("AND outcome = ", $value) $(, $order)?),
            Column::All => $text!("" $(, $order)?),
        }
    };
}

macro_rules! count_text {
    ($own:expr) => {
        concat!(
            "SELECT COUNT(*) FROM (SELECT log_index FROM entries \
             WHERE log_index >= $1 AND log_index < $2 ",
            $own,
            " LIMIT $3) AS seen"
        )
    };
}

macro_rules! reach_text {
    ($own:expr, $order:literal) => {
        concat!(
            "SELECT log_index FROM entries WHERE log_index >= $1 AND log_index < $2 ",
            $own,
            " ORDER BY log_index ",
            $order,
            " LIMIT 1 OFFSET $3"
        )
    };
}

macro_rules! rows_text {
    ($own:expr, $order:literal) => {
        concat!(
            "SELECT log_index, event_id, at, kind, record, salt, commitment FROM entries \
             WHERE log_index >= $1 AND log_index < $2 ",
            $own,
            " AND ($3 IS NULL OR user_id = $3 OR actor_id = $3) \
              AND ($4 IS NULL OR workstation_id = $4) \
              AND ($5 IS NULL OR device_id = $5) \
              AND ($6 IS NULL OR $6 LIKE '%,' || kind || ',%') \
              AND ($7 IS NULL OR outcome = $7) \
              ORDER BY log_index ",
            $order,
            " LIMIT $8"
        )
    };
}

/// How many entries a walk could see: `$1 <= index < $2`, at most `$3`, `$4` the column's value.
pub(super) const fn count(column: Column) -> &'static str {
    by_column!(column, "$4", count_text)
}

/// The entry after which a walk has looked at `$3` more: `$1 <= index < $2`, `$4` the column's value.
pub(super) const fn reach(column: Column, newest: bool) -> &'static str {
    if newest {
        by_column!(column, "$4", reach_text "DESC")
    } else {
        by_column!(column, "$4", reach_text "ASC")
    }
}

/// What a walk finds: `$1 <= index < $2`; `$3` to `$7` person, workstation, device, types with commas around each, and
/// outcome, where they are asked for; at most `$8`; `$9` the column's value.
pub(super) const fn rows(column: Column, newest: bool) -> &'static str {
    if newest {
        by_column!(column, "$9", rows_text "DESC")
    } else {
        by_column!(column, "$9", rows_text "ASC")
    }
}

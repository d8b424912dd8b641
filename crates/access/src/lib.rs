//! Who may do what: the hospital's authorization policies in Cedar, their schema, and the decision.

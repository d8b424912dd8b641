//! The event catalogue, its envelope (RFC 8417), questions to the log, consumers, and exports.

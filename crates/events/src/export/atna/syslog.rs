//! The header of a syslog message (RFC 5424 §6).
use jiff::tz::TimeZone;

use super::super::view::View;
use crate::mapping::Severity;

/// Security and authorization messages (RFC 5424 table 1), as ITI-20 asks.
const FACILITY: u8 = 10;
/// What announces UTF-8 (RFC 5424 §6.4).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Longest `HOSTNAME` (RFC 5424 §6).
const HOST_LENGTH: usize = 255;

/// Header and message.
pub(super) fn framed_in_header(view: &View<'_>, message: &[u8]) -> Vec<u8> {
    let priority = FACILITY * 8 + severity(view.severity());
    // At most six digits of a second (RFC 5424 §6.2.3).
    let at = view.at().to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    let host = host(&view.source.host);
    let header = format!("<{priority}>1 {at} {host} imp-server - IHE+RFC-3881 - ");
    let mut whole = Vec::with_capacity(header.len() + BYTE_ORDER_MARK.len() + message.len());
    whole.extend_from_slice(header.as_bytes());
    whole.extend_from_slice(BYTE_ORDER_MARK);
    whole.extend_from_slice(message);
    whole
}

/// Notice, warning, error or critical (RFC 5424 table 2): an audit message is a notice at least.
const fn severity(severity: Severity) -> u8 {
    match severity {
        Severity::Informational | Severity::Low => 5,
        Severity::Medium => 4,
        Severity::High => 3,
        Severity::Critical => 2,
    }
}

/// Printable ASCII without spaces, or the nil value.
fn host(name: &str) -> String {
    let kept: String = name.chars().filter(char::is_ascii_graphic).take(HOST_LENGTH).collect();
    if kept.is_empty() { "-".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_printable_or_nil() {
        assert_eq!(host("imp.hospital.example"), "imp.hospital.example");
        assert_eq!(host("two words\n"), "twowords");
        assert_eq!(host("\u{fc}\u{0}"), "-");
        assert_eq!(host(&"x".repeat(300)).len(), HOST_LENGTH);
    }
}

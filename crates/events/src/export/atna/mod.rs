//! IHE ATNA, Record Audit Event (ITI-20): DICOM audit messages in syslog messages.
use crate::entry::Entry;

use super::view::View;
use super::{Names, Source};

mod message;
mod participants;
mod syslog;

/// The entry as one syslog message (RFC 5424): `<PRI>1 TIME HOST imp-server - IHE+RFC-3881 -`, a byte order mark, and the
/// audit message as XML in UTF-8. It holds no line break, and no frame: RFC 5425's octet count is the transport's.
pub fn syslog_message(entry: &Entry, source: &Source, names: &Names) -> Vec<u8> {
    message_of(&View::new(entry, source, names))
}

pub(super) fn message_of(view: &View<'_>) -> Vec<u8> {
    syslog::framed_in_header(view, &message::audit_message(view))
}

//! HL7 v2 in ER7 encoding, as far as a gateway has to read it: the header segment (HL7 v2.5.1 §2.15.9), so that a message that is
//! refused is answered as its sender understands (§2.9.3): `MSA` with `AR`, and `ERR` from version 2.5 on.
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The media type of HL7 v2 in ER7 encoding.
pub const CONTENT_TYPE: &str = "x-application/hl7-v2+er7";
/// The longest field that is read, in bytes.
const LONGEST_FIELD: usize = 256;

/// What a message says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Between fields (MSH-1), usually `|`.
    separator: u8,
    /// Between components, repetitions, and so on (MSH-2), usually `^~\&`.
    encoding: String,
    /// MSH-3 to MSH-6: application and facility of the sender, of the receiver.
    parties: [String; 4],
    /// MSH-9: type and trigger.
    kind: String,
    /// MSH-10: the sender's name for the message.
    pub control_id: String,
    /// MSH-11.
    processing: String,
    /// MSH-12.
    version: String,
    /// MSH-18.
    character_set: String,
}

/// Whose fault it is that a message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// `AR`: refused, for a reason that is not in the message's content.
    Reject,
    /// `AE`: the message reached the other gateway, and nobody knows whether its application has it.
    Error,
}

impl Code {
    const fn text(self) -> &'static str {
        match self {
            Self::Reject => "AR",
            Self::Error => "AE",
        }
    }
}

impl Header {
    /// Reads the header of a message; `None` if it does not begin with one, or with one that is not text.
    pub fn read(message: &[u8]) -> Option<Self> {
        let rest = message.strip_prefix(b"MSH")?;
        let (&separator, rest) = rest.split_first()?;
        if !separator.is_ascii_punctuation() {
            return None;
        }
        let end = rest.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(rest.len());
        let mut fields = rest[..end].split(|&b| b == separator).map(field);
        let encoding = fields.next()??;
        let valid = encoding.bytes().all(|b| b.is_ascii_punctuation());
        if !(1..=5).contains(&encoding.len()) || !valid {
            return None;
        }
        // MSH-3 is the first after the encoding characters.
        let fields: Vec<_> = fields.take(16).map(Option::unwrap_or_default).collect();
        let at = |number: usize| fields.get(number - 3).cloned().unwrap_or_default();
        Some(Self {
            separator,
            encoding,
            parties: [at(3), at(4), at(5), at(6)],
            kind: at(9),
            control_id: at(10),
            processing: at(11),
            version: at(12),
            character_set: at(18),
        })
    }

    /// What is answered to a message that cannot be read.
    fn unknown() -> Self {
        Self {
            separator: b'|',
            encoding: "^~\\&".to_owned(),
            parties: Default::default(),
            kind: String::new(),
            control_id: String::new(),
            processing: "P".to_owned(),
            version: "2.3".to_owned(),
            character_set: String::new(),
        }
    }

    fn component(&self) -> char {
        self.encoding.chars().next().unwrap_or('^')
    }

    /// `ACK`, with the trigger and the structure that the sender expects.
    fn answer_kind(&self) -> String {
        let mark = self.component();
        match self.kind.split(mark).nth(1) {
            Some(trigger) if !trigger.is_empty() => format!("ACK{mark}{trigger}{mark}ACK"),
            Some(_) | None => "ACK".to_owned(),
        }
    }

    /// From version 2.5 on `ERR` has the fields that are used here.
    fn has_error_segment(&self) -> bool {
        let version = self.version.split(self.component()).next().unwrap_or_default();
        let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
        (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) >= (2, 5)
    }

    /// `text` with what separates fields replaced by blanks.
    fn plain(&self, text: &str) -> String {
        let special = |c: char| {
            c.is_control() || c == char::from(self.separator) || self.encoding.contains(c)
        };
        text.chars().map(|c| if special(c) { ' ' } else { c }).collect()
    }
}

/// A field as text; `None` if it is too long or holds control characters. Characters beyond ASCII are kept if they are UTF-8.
fn field(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    (text.len() <= LONGEST_FIELD && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

/// The answer that `message` was not taken, and why. `control_id` names the answer (at most 20 characters); `because` is for people.
pub fn negative_acknowledgement(
    message: &[u8],
    code: Code,
    because: &str,
    control_id: &str,
    now: Timestamp,
) -> Vec<u8> {
    let header = Header::read(message).unwrap_or_else(Header::unknown);
    let [from, from_facility, to, to_facility] = &header.parties;
    let mark = header.component();
    let because = header.plain(because);
    let time = now.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%S+0000").to_string();
    let kind = header.answer_kind();
    let (processing, version) = (header.processing.as_str(), header.version.as_str());
    // MSH-8 is about security, MSH-13 to MSH-17 are empty.
    let mut fields = vec![
        "MSH",
        &header.encoding,
        to,
        to_facility,
        from,
        from_facility,
        &time,
        "",
        &kind,
        control_id,
        processing,
        version,
    ];
    if !header.character_set.is_empty() {
        fields.extend(["", "", "", "", "", &header.character_set]);
    }
    let mut segments = vec![
        fields.join("\u{0}"),
        ["MSA", code.text(), &header.control_id, &because].join("\u{0}"),
    ];
    if header.has_error_segment() {
        let condition = format!("207{mark}Application internal error{mark}HL70357");
        segments.push(["ERR", "", "", &condition, "E", "", "", "", &because].join("\u{0}"));
    }
    let separator = char::from(header.separator).to_string();
    let text: String =
        segments.into_iter().flat_map(|segment| [segment, "\r".to_owned()]).collect();
    text.replace('\u{0}', &separator).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "MSH|^~\\&|LAB|HOSP|EHR|HOSP|20261122080000||ORU^R01^ORU_R01|4711|P|2.5.1||||||8859/1\rPID|1\r";

    fn now() -> Timestamp {
        "2026-11-22T08:00:01Z".parse().unwrap()
    }

    fn refuse(message: &[u8]) -> String {
        let answer = negative_acknowledgement(message, Code::Reject, "replayed | ^x", "G1", now());
        String::from_utf8(answer).unwrap()
    }

    #[test]
    fn a_refusal_goes_back_to_the_sender_with_its_control_id_and_the_reason() {
        assert_eq!(
            refuse(MESSAGE.as_bytes()),
            "MSH|^~\\&|EHR|HOSP|LAB|HOSP|20261122080001+0000||ACK^R01^ACK|G1|P|2.5.1||||||8859/1\r\
             MSA|AR|4711|replayed    x\r\
             ERR|||207^Application internal error^HL70357|E||||replayed    x\r"
        );
    }

    #[test]
    fn an_old_sender_with_its_own_separators_is_answered_in_them() {
        let message = "MSH#*~\\&#A##B##20260101##ADT*A01#9#T#2.3\rEVN#\r";
        let answer = refuse(message.as_bytes());
        assert_eq!(
            answer,
            "MSH#*~\\&#B##A##20261122080001+0000##ACK*A01*ACK#G1#T#2.3\rMSA#AR#9#replayed | ^x\r"
        );
    }

    #[test]
    fn what_has_no_header_is_answered_all_the_same() {
        for message in
            [&b""[..], b"MSH", b"MSH|", b"MSHx^~\\&|", b"PID|1", b"MSH|abc|", &[0xff; 40]]
        {
            assert_eq!(Header::read(message), None, "{message:?}");
            assert!(refuse(message).contains("\rMSA|AR||replayed"), "{message:?}");
        }
        let long = format!("MSH|^~\\&|{}|||||||{}|P|2.3\r", "x".repeat(300), "y".repeat(300));
        assert_eq!(Header::read(long.as_bytes()).unwrap().control_id, "");
    }
}

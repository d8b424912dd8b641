//! What a cross-certificate takes over from the original.
use rcgen::string::{Ia5String, PrintableString};
use rcgen::{DistinguishedName, DnType, DnValue};
use x509_parser::asn1_rs::Tag;
use x509_parser::extensions::ParsedExtension;
use x509_parser::x509::AttributeTypeAndValue;

use crate::certificate::Certificate;

/// Name and key identifier of an authority.
pub(super) struct Original {
    pub(super) name: DistinguishedName,
    pub(super) key_identifier: Vec<u8>,
}

/// Reads them; `None` when it is no authority's certificate, or has a name that cannot be written again as it is.
pub(super) fn read(certificate: &Certificate) -> Option<Original> {
    let (_, x509) = x509_parser::parse_x509_certificate(certificate.der()).ok()?;
    let key_identifier = x509.extensions().iter().find_map(|it| {
        let ParsedExtension::SubjectKeyIdentifier(id) = it.parsed_extension() else { return None };
        Some(id.0.to_vec())
    });
    let mut name = DistinguishedName::new();
    let mut attributes = 0;
    for relative in x509.subject().iter_rdn() {
        let mut parts = relative.iter();
        let (Some(part), None) = (parts.next(), parts.next()) else { return None };
        let (kind, value) = attribute(part)?;
        if name.get(&kind).is_some() {
            return None;
        }
        name.push(kind, value);
        attributes += 1;
    }
    let is_whole = certificate.is_authority() && attributes > 0;
    Some(Original { name, key_identifier: key_identifier.filter(|_| is_whole)? })
}

fn attribute(part: &AttributeTypeAndValue<'_>) -> Option<(DnType, DnValue)> {
    let kind = DnType::from_oid(&part.attr_type().iter()?.collect::<Vec<_>>());
    let text = part.as_str().ok()?;
    let value = match part.attr_value().tag() {
        Tag::Utf8String => DnValue::Utf8String(text.to_owned()),
        Tag::PrintableString => DnValue::PrintableString(PrintableString::try_from(text).ok()?),
        Tag::Ia5String => DnValue::Ia5String(Ia5String::try_from(text).ok()?),
        _ => return None,
    };
    Some((kind, value))
}

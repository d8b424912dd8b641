//! The pieces of DER (X.690) that EST's messages are made of. Nothing is read here.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(super) const CONTEXT_0: u8 = 0xa0;
/// `dNSName [2]`
pub(super) const DNS_NAME: u8 = 0x82;
/// `iPAddress [7]`
pub(super) const ADDRESS: u8 = 0x87;

/// 1.2.840.113549.1.7.1
pub(super) const OID_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
/// 1.2.840.113549.1.7.2
pub(super) const OID_SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
/// 1.2.840.113549.1.9.14
pub(super) const OID_EXTENSION_REQUEST: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e";
/// 1.2.840.10045.2.1
pub(super) const OID_EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
/// 1.2.840.10045.3.1.7
pub(super) const OID_P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
/// 1.2.840.10045.4.3.2
pub(super) const OID_ECDSA_SHA256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
/// 2.5.29.17
pub(super) const OID_ALTERNATIVE_NAME: &[u8] = b"\x06\x03\x55\x1d\x11";

/// An element of `tag` whose contents are `parts`, one after the other.
pub(super) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    crate::der::tlv(tag, &parts.concat())
}

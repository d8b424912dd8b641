//! SCIM 2.0 (RFC 7643, RFC 7644): schemas, resources, filters, patches and bulk requests. No input or output.

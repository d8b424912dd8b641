//! Where our verdicts differ from the suite's, and why that is right, or what it costs.

/// Cases that one reason is for.
pub(super) struct Difference {
    pub(super) why: &'static str,
    pub(super) cases: &'static [&'static str],
}

/// A root is a name and a key (RFC 5280 §6.1.1). Whoever gave it to us has looked at the rest; ours are made by us.
const ROOT: Difference = Difference {
    why: "of a root, only the name and the key are looked at",
    cases: &[
        "rfc5280::root-inconsistent-ca-extensions",
        "rfc5280::root-missing-basic-constraints",
        "rfc5280::root-non-critical-basic-constraints",
        "rfc5280::aki::critical-aki",
        "rfc5280::aki::cross-signed-root-missing-aki",
        "rfc5280::ski::critical-ski",
        "rfc5280::ski::root-missing-ski",
        "rfc5280::unknown-critical-extension-root",
        // Nothing that a root of ours has signed counts longer than the root.
        "rfc5280::validity::expired-root",
        "webpki::aki::root-with-aki-all-fields",
        "webpki::aki::root-with-aki-authoritycertissuer",
        "webpki::aki::root-with-aki-authoritycertserialnumber",
        "webpki::aki::root-with-aki-missing-keyidentifier",
        "webpki::aki::root-with-aki-ski-mismatch",
        "webpki::eku::root-has-eku",
        "webpki::forbidden-rsa-not-divisible-by-8-in-root",
    ],
};

const ISSUER: Difference = Difference {
    why: "the rule is for who issues, and no decision rests on what it is about",
    cases: &[
        "rfc5280::aki::intermediate-missing-aki",
        "rfc5280::aki::leaf-missing-aki",
        "rfc5280::ca-empty-subject",
        "rfc5280::leaf-ku-keycertsign",
        "rfc5280::nc::invalid-dnsname-leading-period",
        "rfc5280::nc::not-allowed-in-ee-critical",
        "rfc5280::nc::not-allowed-in-ee-noncritical",
        // They are obeyed, critical or not.
        "rfc5280::nc::permitted-dns-match-noncritical",
        "rfc5280::pc::ica-noncritical-pc",
        "rfc5280::san::noncritical-with-empty-subject",
        "rfc5280::san::underscore-dns",
        "rfc5280::serial::too-long",
        "rfc5280::serial::zero",
        "rfc5280::ski::intermediate-missing-ski",
        "webpki::malformed-aia",
        "webpki::nc::intermediate-permitted-excluded-subtrees-both-empty-sequences",
        "webpki::nc::intermediate-permitted-excluded-subtrees-both-null",
        "webpki::san::san-critical-with-nonempty-subject",
    ],
};

const COMMON_NAME: Difference = Difference {
    why: "the common name is never looked at (RFC 9525 §2)",
    cases: &[
        "webpki::cn::case-mismatch",
        "webpki::cn::ipv4-hex-mismatch",
        "webpki::cn::ipv4-leading-zeros-mismatch",
        "webpki::cn::ipv6-non-rfc5952-mismatch",
        "webpki::cn::ipv6-uncompressed-mismatch",
        "webpki::cn::ipv6-uppercase-mismatch",
        "webpki::cn::not-in-san",
        "webpki::cn::punycode-not-in-san",
        "webpki::cn::utf8-vs-punycode-mismatch",
    ],
};

const USAGE: Difference = Difference {
    why: "the usage that is asked for is there; the CA/Browser Forum's rules on what else may be are not ours",
    cases: &["webpki::eku::ee-anyeku", "webpki::eku::ee-critical-eku"],
};

const LEAF_KEY: Difference = Difference {
    why: "the path is good; whether the key is shows in the handshake, where P-256, P-384, Ed25519 and RSA from 2048 bits sign",
    cases: &[
        "webpki::forbidden-dsa-leaf",
        "webpki::forbidden-p192-leaf",
        "webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf",
        "webpki::forbidden-weak-rsa-in-leaf",
    ],
};

const PUBLIC_SUFFIX: Difference = Difference {
    why: "no list of public suffixes is kept: our authority issues no wildcards, and no other is trusted",
    cases: &[
        "webpki::san::public-suffix-multi-label-wildcard-san",
        "webpki::san::public-suffix-private-namespace-wildcard-san",
    ],
};

const SELF_ISSUED: Difference = Difference {
    why: "stricter: issuers that issued themselves are not told from others; our authorities make none",
    cases: &["pathlen::self-issued-certs-pathlen", "rfc5280::nc::permitted-self-issued"],
};

const AUTHORITY: Difference = Difference {
    why: "stricter: an authority is not a machine",
    cases: &["pathlen::validation-ignores-pathlen-in-leaf", "rfc5280::ca-as-leaf"],
};

const NO_USAGE: Difference = Difference {
    why: "stricter: a certificate that does not say what it is for is for nothing",
    cases: &["rfc5280::eku::ee-without-eku"],
};

const NO_USAGE_NEEDED: Difference = Difference {
    why: "the CA/Browser Forum wants a usage; 802.1AR does not, and for servers the usages along the path still count",
    cases: &["webpki::eku::ee-without-eku"],
};

const MAILBOXES: Difference = Difference {
    why: "stricter: constraints on mailboxes are not understood, and what is not understood refuses",
    cases: &[
        "rfc5280::nc::nc-permits-email-domain",
        "rfc5280::nc::nc-permits-email-exact",
        "rfc5280::nc::nc-permits-email-literal-asterisk-exact-match",
        "rfc5280::nc::nc-permits-email-literal-double-asterisk",
        "rfc5280::nc::nc-permits-email-literal-mid-asterisk",
    ],
};

const CLIENTS: Difference = Difference {
    why: "the suite asks a server for it; here it is asked as what it is, a client's",
    cases: &["rfc5280::eku::ee-wrong-eku"],
};

pub(super) const MACHINE: &[Difference] = &[
    ROOT,
    ISSUER,
    COMMON_NAME,
    USAGE,
    LEAF_KEY,
    PUBLIC_SUFFIX,
    SELF_ISSUED,
    AUTHORITY,
    NO_USAGE_NEEDED,
];

pub(super) const FINGERPRINT: &[Difference] =
    &[ROOT, ISSUER, COMMON_NAME, USAGE, LEAF_KEY, PUBLIC_SUFFIX, SELF_ISSUED, AUTHORITY, NO_USAGE];

pub(super) const SERVER: &[Difference] = &[AUTHORITY, NO_USAGE, MAILBOXES, CLIENTS];

pub(super) const MANUFACTURER: &[Difference] = &[AUTHORITY, NO_USAGE_NEEDED, MAILBOXES, CLIENTS];

pub(super) const ATTESTATION: &[Difference] = &[AUTHORITY, NO_USAGE_NEEDED, MAILBOXES, CLIENTS];

pub(super) const METADATA: &[Difference] = MACHINE;

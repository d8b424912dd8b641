"""Takes a SAML response as an application would, by somebody else's libraries.

Reads from its standard input JSON with `metadata` (ours), `request` (the ID of its own request), `entity` and `consumer` (the
application's), and `cases`, each with a `response` and a `demand` (`response`: what must be signed is the response and the
assertion; `assertion`: the assertion).
The argument names the library: `pysaml2` (on xmlsec1) or `signxml` (on lxml and cryptography; it verifies signatures only,
and what was signed is all that is looked at).
Prints, a line for each case, JSON with `accepted` and `said`: what it read, or why it refuses.
"""
import base64
import json
import logging
import sys

ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"
METADATA = "{urn:oasis:names:tc:SAML:2.0:metadata}"
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}"


class Refused(Exception):
    pass


def by_pysaml2(document):
    from saml2 import BINDING_HTTP_POST
    from saml2.client import Saml2Client
    from saml2.config import SPConfig
    from saml2.response import StatusError, VerificationError
    from saml2.sigver import SignatureError

    logging.disable(logging.CRITICAL)
    config = SPConfig().load({
        "entityid": document["entity"],
        "xmlsec_binary": "/usr/bin/xmlsec1",
        "allow_unknown_attributes": True,
        "service": {"sp": {
            "endpoints": {"assertion_consumer_service": [(document["consumer"], BINDING_HTTP_POST)]},
            "allow_unsolicited": False,
            "authn_requests_signed": False,
            "want_response_signed": document["demand"] == "response",
            "want_assertions_signed": True,
        }},
        "metadata": {"inline": [document["metadata"]]},
    })
    client = Saml2Client(config)
    encoded = base64.b64encode(document["response"].encode()).decode()
    try:
        response = client.parse_authn_request_response(
            encoded, BINDING_HTTP_POST, outstanding={document["request"]: "/"}
        )
    except (SignatureError, StatusError, VerificationError) as error:
        raise Refused(repr(error)) from error
    except Exception as error:  # its refusals have many kinds; what was broken beforehand shows in the accepted cases
        raise Refused(f"{type(error).__module__}.{error!r}") from error
    if response is None or response.assertion is None:
        raise Refused("no response")
    identity = response.get_identity()
    statement = response.assertion.authn_statement[0]
    return {
        "name": response.name_id.text,
        "format": response.name_id.format,
        "class": statement.authn_context.authn_context_class_ref.text,
        "session": statement.session_index,
        "attributes": {name: list(values) for name, values in identity.items()},
    }


def by_signxml(document):
    from cryptography import x509
    from lxml import etree
    from signxml import InvalidSignature, XMLVerifier, SignatureConfiguration, SignatureMethod, DigestAlgorithm

    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    metadata = etree.fromstring(document["metadata"].encode(), parser)
    der = base64.b64decode(metadata.findtext(f".//{SIGNATURE}X509Certificate"))
    certificate = x509.load_der_x509_certificate(der)
    strict = SignatureConfiguration(
        require_x509=True,
        expect_references=1,
        signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
    )

    def verified(data, location):
        config = SignatureConfiguration(**{**strict.__dict__, "location": location})
        return XMLVerifier().verify(data, x509_cert=certificate, expect_config=config, id_attribute="ID").signed_xml

    try:
        verified(metadata, "./")
        response = etree.fromstring(document["response"].encode(), parser)
        if document["demand"] == "response":
            response = verified(response, "./")
        assertion = verified(response, f"./{ASSERTION}Assertion/")
    except (InvalidSignature, ValueError, etree.XMLSyntaxError) as error:
        raise Refused(repr(error)) from error
    if assertion.tag != f"{ASSERTION}Assertion":
        raise Refused("what is signed is not an assertion")
    name = assertion.find(f"./{ASSERTION}Subject/{ASSERTION}NameID")
    return {"name": "".join(name.itertext()), "format": name.get("Format")}


libraries = {"pysaml2": by_pysaml2, "signxml": by_signxml}
document = json.load(sys.stdin)
for case in document.pop("cases"):
    try:
        verdict = {"accepted": True, "said": libraries[sys.argv[1]]({**document, **case})}
    except Refused as reason:
        verdict = {"accepted": False, "said": str(reason)}
    print(json.dumps(verdict))

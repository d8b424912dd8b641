"""Reduces x509-limbo's suite to what the tests read: tests/data/x509-limbo/limbo.json.zlib.

Usage: limbo.py CHECKOUT, a checkout of https://github.com/C2SP/x509-limbo, with a Python that has its generator's packages:
pydantic, cryptography, pyyaml, pyOpenSSL, certifi, requests. The cases are made anew, with new keys.
Left out: BetterTLS's nine thousand cases, descriptions, private keys, and what is the same in every case.
"""

import hashlib
import json
import pathlib
import sys
import zlib

checkout = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(checkout))
from cryptography import x509  # noqa: E402
from limbo import testcases  # noqa: E402
from limbo.testcases import online  # noqa: E402


def der(pem):
    return "".join(line for line in pem.splitlines() if not line.startswith("-----"))


def is_for_clients(case):
    """Whether the leaf may be shown by a client of TLS: its usages say so, or it says nothing of usages."""
    try:
        leaf = x509.load_pem_x509_certificate(case.peer_certificate.encode())
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    except (ValueError, x509.DuplicateExtension):
        return False
    return x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH in usages


def reduced(case):
    name = case.expected_peer_name
    return {
        "id": case.id,
        "kind": case.validation_kind,
        "expected": case.expected_result,
        "features": case.features,
        "client": is_for_clients(case),
        "at": case.validation_time and case.validation_time.isoformat().replace("+00:00", "Z"),
        "name": name and name.value,
        "depth": case.max_chain_depth,
        "lists": [der(pem) for pem in case.crls],
        "roots": [der(pem) for pem in case.trusted_certs],
        "issuers": [der(pem) for pem in case.untrusted_intermediates],
        "leaf": der(case.peer_certificate),
    }


online.register_testcases()
cases = sorted((make() for make in testcases.registry.values()), key=lambda case: case.id)
packed = zlib.compress(json.dumps([reduced(case) for case in cases], separators=(",", ":")).encode(), 9)
place = pathlib.Path(__file__).parents[1] / "data/x509-limbo/limbo.json.zlib"
place.write_bytes(packed)
print(len(cases), "cases,", len(packed), "bytes, SHA-256", hashlib.sha256(packed).hexdigest())

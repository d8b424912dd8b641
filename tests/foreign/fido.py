"""Verifies a registration and an assertion by python-fido2, as a relying party of its own.

Reads from its standard input JSON with `issuer`, `registration` and `assertion`, each with the `options` that were asked and the
`answer` that the browser gave. With the argument `altered`, a byte of the signature is changed before. Ends with 0 when both
hold, with 3 when one does not.
"""
import json
import sys
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import PublicKeyCredentialRpEntity

REJECTED = 3
document = json.load(sys.stdin)
issuer = document["issuer"]
entity = PublicKeyCredentialRpEntity(id=urlsplit(issuer).hostname, name="IMP")
server = Fido2Server(entity, verify_origin=lambda origin: origin == issuer)


def state(ceremony):
    """What the server would have kept: the challenge, and that the person must be verified."""
    return {"challenge": ceremony["options"]["challenge"], "user_verification": "required"}


registration, assertion = document["registration"], document["assertion"]
if sys.argv[1:] == ["altered"]:
    signature = bytearray(websafe_decode(assertion["answer"]["response"]["signature"]))
    signature[-2] ^= 1
    assertion["answer"]["response"]["signature"] = websafe_encode(bytes(signature))
try:
    data = server.register_complete(state(registration), registration["answer"])
    found = server.authenticate_complete(state(assertion), [data.credential_data], assertion["answer"])
except (InvalidSignature, ValueError) as error:
    print(repr(error))
    sys.exit(REJECTED)
print(json.dumps({"credential": websafe_encode(found.credential_id), "verified": data.is_user_verified()}))

"""Accepts a detached JWS with an unencoded payload (RFC 7797) by the key of its first certificate, by PyJWT and cryptography.
Usage: detached.py SIGNATURE-FILE < PAYLOAD. Prints the header's claims."""
import base64
import json
import pathlib
import sys

import jwt
from cryptography import x509

REJECTED = 3

text = pathlib.Path(sys.argv[1]).read_text().strip()
payload = sys.stdin.buffer.read()
header = jwt.get_unverified_header(text)
certificate = x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0]))
names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
uris = names.get_values_for_type(x509.UniformResourceIdentifier)
try:
    jwt.PyJWS().decode(text, certificate.public_key(), algorithms=["ES256"], detached_payload=payload)
except jwt.exceptions.PyJWTError as error:
    print(error)
    sys.exit(REJECTED)
if uris != [header["iss"]]:
    print("the certificate names", uris)
    sys.exit(REJECTED)
print(json.dumps({"iss": header["iss"], "aud": header["aud"], **header["imp"]}))

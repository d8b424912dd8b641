"""Verifies polled security event tokens with PyJWT.

Reads from its standard input JSON with `jwks`, `issuer`, `audience` and `sets` (RFC 8936: tokens by `jti`). Prints the
claims, one line each. Ends with 0 when all hold, with 3 when one does not.
"""
import json
import sys

import jwt

REJECTED = 3

document = json.load(sys.stdin)
keys = jwt.PyJWKSet.from_dict(document["jwks"])
for jti, token in document["sets"].items():
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(
            token,
            keys[header["kid"]],
            algorithms=["ES256"],
            audience=document["audience"],
            issuer=document["issuer"],
        )
    except jwt.PyJWTError as error:
        print(repr(error))
        sys.exit(REJECTED)
    if header["typ"] != "secevent+jwt" or claims["jti"] != jti:
        print(f"{jti} is not the SET that it is said to be")
        sys.exit(REJECTED)
    print(json.dumps(claims))

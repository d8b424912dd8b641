"""Receives events over HTTP and judges each with libraries that share no line with ours: PyJWT and standardwebhooks.

receiver.py SETTINGS: a JSON file with `jwks`, `issuer`, `audience` and `secret`. Says its port on the first line, then one
line of JSON for each post: path, whether it holds, and what was read or why not. POST /set takes security event tokens
(RFC 8935), POST /hook signed posts (Standard Webhooks).
"""
import http.server
import json
import sys

import jwt
import standardwebhooks


def read_set(settings, token):
    header = jwt.get_unverified_header(token)
    if header["typ"] != "secevent+jwt":
        raise ValueError(f"typ is {header['typ']}")
    keys = jwt.PyJWKSet.from_dict(settings["jwks"])
    claims = jwt.decode(
        token,
        keys[header["kid"]],
        algorithms=["ES256"],
        audience=settings["audience"],
        issuer=settings["issuer"],
        options={"require": ["iss", "aud", "iat", "jti"]},
    )
    if len(claims["events"]) != 1 or "exp" in claims or "sub" in claims:
        raise ValueError("not a SET of one event (RFC 8417, SSF 1.0)")
    return claims


class Receiver(http.server.BaseHTTPRequestHandler):
    settings = {}

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            if self.path == "/set":
                if self.headers["content-type"] != "application/secevent+jwt":
                    raise ValueError(self.headers["content-type"])
                read = read_set(self.settings, body.decode())
            else:
                webhook = standardwebhooks.Webhook(self.settings["secret"])
                read = webhook.verify(body.decode(), dict(self.headers))
            said = {"path": self.path, "holds": True, "read": read}
            self.answer(202, b"")
        except Exception as error:
            said = {"path": self.path, "holds": False, "why": repr(error)}
            self.answer(400, json.dumps({"err": "invalid_request", "description": repr(error)}).encode())
        print(json.dumps(said), flush=True)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


with open(sys.argv[1], encoding="utf-8") as file:
    Receiver.settings = json.load(file)
server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
server.serve_forever()

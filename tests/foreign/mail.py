"""A mail server (aiosmtpd) that takes mail over STARTTLS from who knows the password, and from nobody else.

mail.py CERTIFICATE KEY: says its port on the first line, then one line of JSON for each message. Mail to nobody@… is
refused for good, mail to later@… for now.
"""
import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Mailbox:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return f"550 no such mailbox {address}"
        if address.startswith("later@"):
            return "451 try again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        said = {name.lower(): str(value) for name, value in message.items()}
        said |= {"envelope_to": envelope.rcpt_tos, "envelope_from": envelope.mail_from, "tls": session.ssl is not None}
        said["text"] = message.get_content()
        print(json.dumps(said), flush=True)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"imp", b"s3cret")
    return AuthResult(success=good, handled=False)


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[1], sys.argv[2])


async def serve():
    def session():
        return SMTP(
            Mailbox(),
            tls_context=context,
            require_starttls=True,
            authenticator=authenticate,
            auth_required=True,
        )

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(serve())

"""What the phone asks the server: docs/reference/protocol.md §0 and openapi.json."""
import base64
import hashlib
import http.client
import json
import ssl
import tempfile
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from OpenSSL import SSL


class Refused(Exception):
    """The server said no."""


def invitation(text):
    """Server, CA fingerprint and code of `imp:bind?…`."""
    scheme, _, query = text.strip().partition('?')
    parts = dict(part.split('=', 1) for part in query.split('&')) if scheme == 'imp:bind' else {}
    if set(parts) != {'server', 'ca', 'code'}:
        raise Refused('this is no invitation for a phone')
    return urllib.parse.unquote(parts['server']), bytes.fromhex(parts['ca']), parts['code']


def pinned_root(server, fingerprint):
    """The root certificate with this fingerprint out of what the server shows, in DER."""
    import socket
    where = urllib.parse.urlsplit(server)
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    with socket.create_connection((where.hostname, where.port or 443), 10) as plain:
        plain.settimeout(None)
        tls = SSL.Connection(context, plain)
        if not where.hostname.replace('.', '').isdigit():       # an address is no name
            tls.set_tlsext_host_name(where.hostname.encode())
        tls.set_connect_state()
        tls.do_handshake()
        chain = [c.to_cryptography().public_bytes(serialization.Encoding.DER) for c in tls.get_peer_cert_chain()]
    for certificate in chain:
        if hashlib.sha256(certificate).digest() == fingerprint:
            return certificate
    raise Refused('what answers is not the server of this invitation')


def request(key):
    """A PKCS #10 request without a name, in DER."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


class Server:
    """The server that these roots vouch for; with a key and chain, asked as this phone."""

    def __init__(self, url, roots, key=None, chain=()):
        self.where = urllib.parse.urlsplit(url)
        pem = ''.join(ssl.DER_cert_to_PEM_cert(root) for root in roots)
        self.context = ssl.create_default_context(cadata=pem)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        if key is not None:
            with tempfile.NamedTemporaryFile('w', suffix='.pem') as file:
                file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                             serialization.NoEncryption()).decode())
                file.write(''.join(ssl.DER_cert_to_PEM_cert(der) for der in chain))
                file.flush()
                self.context.load_cert_chain(file.name)

    def post(self, path, body):
        connection = http.client.HTTPSConnection(self.where.hostname, self.where.port, timeout=10, context=self.context)
        connection.request('POST', path, json.dumps(body), {'content-type': 'application/json'})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        if answer.status >= 300:
            raise Refused(f'{answer.status} {said.decode(errors="replace")}')
        return json.loads(said) if said else None


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip('=')


def from_b64(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))

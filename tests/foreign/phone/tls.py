"""TLS of docs/reference/protocol.md §5, on OpenSSL, without a socket; and the trust behind it."""
import datetime
import re
import uuid

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL, crypto

ALPN = b'imp-tap/1'
LABEL = b'EXPORTER-imp-tap'
NAME = re.compile(r'spiffe://([a-z0-9._-]+)/(workstation|phone)/([0-9a-f-]{36})')


class Untrusted(Exception):
    """The other side is not one of this hospital's workstations."""


def machine(certificate):
    """Trust domain, kind and UUID that the certificate names."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    matched = NAME.fullmatch(uris[0]) if len(uris) == 1 else None
    if matched is None:
        raise Untrusted('it names no machine')
    domain, kind, name = matched.groups()
    return domain, kind, uuid.UUID(name)


def check_workstation(certificate, domain):
    if machine(certificate)[:2] != (domain, 'workstation'):
        raise Untrusted('it is no workstation of this trust domain')
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        raise Untrusted('its usage is not clientAuth')
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Untrusted('its key is not on P-256')


def context(identity):
    """What the phone is in TLS: `identity` has key, chain and roots (DER), and the trust domain."""
    made = SSL.Context(SSL.TLS_SERVER_METHOD)
    made.set_min_proto_version(SSL.TLS1_3_VERSION)
    made.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    made.set_options(SSL.OP_NO_TICKET)
    own, *issuers = [x509.load_der_x509_certificate(der) for der in identity.chain]
    made.use_certificate(crypto.X509.from_cryptography(own))
    for issuer in issuers:
        made.add_extra_chain_cert(crypto.X509.from_cryptography(issuer))
    made.use_privatekey(crypto.PKey.from_cryptography_key(identity.key))
    for root in identity.roots:
        made.get_cert_store().add_cert(crypto.X509.from_cryptography(x509.load_der_x509_certificate(root)))
    made.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *verdict: bool(verdict[-1]))
    made.set_alpn_select_callback(lambda _, offered: ALPN if ALPN in offered else SSL.NO_OVERLAPPING_PROTOCOLS)
    return made


class Session:
    """The phone's side of one TLS session over byte strings."""

    def __init__(self, identity):
        self.identity = identity
        self.tls = SSL.Connection(context(identity), None)
        self.tls.set_accept_state()
        self.established = False

    def take(self, data):
        """Takes what came; returns what was said in clear, or None when the other side has ended the session."""
        if data:
            self.tls.bio_write(data)
        if not self.established:
            self.shake()
        said = b''
        while self.established:
            try:
                said += self.tls.recv(65536)
            except SSL.WantReadError:
                break
            except SSL.ZeroReturnError:
                return None
        return said

    def shake(self):
        try:
            self.tls.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error as error:
            raise Untrusted(str(error)) from error
        if self.tls.get_alpn_proto_negotiated() != ALPN:
            raise Untrusted('it speaks something else')
        peer = self.tls.get_peer_certificate().to_cryptography()
        check_workstation(peer, self.identity.domain)
        names = peer.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.peer = names.get_values_for_type(x509.UniformResourceIdentifier)[0]
        self.exporter = self.tls.export_keying_material(LABEL, 32)
        self.established = True

    def say(self, data):
        self.tls.sendall(data)

    def end(self):
        try:
            self.tls.shutdown()
        except SSL.Error:
            pass

    def give(self):
        """What goes out."""
        out = b''
        while True:
            try:
                out += self.tls.bio_read(65536)
            except SSL.WantReadError:
                return out


def expired(certificate, now):
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    return not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc

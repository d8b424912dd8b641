"""CBOR, COSE and receipts of docs/reference/protocol.md §6 and §7, and tap.cddl."""
import base64
import hashlib
import json
import uuid
from datetime import datetime

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

ES256 = ec.ECDSA(hashes.SHA256())


class Invalid(Exception):
    """Not what the documentation says."""


def encode(value):
    return cbor2.dumps(value, canonical=True)


def decode(data):
    """The one value that `data` is the deterministic encoding of."""
    try:
        value = cbor2.loads(data)
    except Exception as error:
        raise Invalid('no CBOR') from error
    if encode(value) != data:
        raise Invalid('not encoded deterministically')
    return value


def keys(body, needed, optional=()):
    if not isinstance(body, dict) or not set(needed) <= set(body) <= set(needed) | set(optional):
        raise Invalid('not the keys of the schema')
    return body


def content_type(kind):
    return f'application/vnd.imp.{kind}+cose'


def to_sign(kind, protected, payload):
    return encode(['Signature1', protected, content_type(kind).encode(), payload])


def sign(kind, body, key_id, key):
    protected, payload = encode({1: -7, 3: content_type(kind), 4: key_id}), encode(body)
    r, s = decode_dss_signature(key.sign(to_sign(kind, protected, payload), ES256))
    return encode(cbor2.CBORTag(18, [protected, {}, payload, r.to_bytes(32) + s.to_bytes(32)]))


def verify(kind, data, spkis):
    """The body of a statement that one of the server's keys signed."""
    tagged = decode(data)
    if not isinstance(tagged, cbor2.CBORTag) or tagged.tag != 18:
        raise Invalid('no COSE_Sign1')
    protected, unprotected, payload, signature = tagged.value
    header = keys(decode(protected), (1, 3, 4))
    if unprotected or header[1] != -7 or header[3] != content_type(kind) or len(signature) != 64:
        raise Invalid(f'no {kind}')
    for spki in spkis:
        if hashlib.sha256(spki).digest()[:16] == header[4]:
            both = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
            try:
                load_der_public_key(spki).verify(both, to_sign(kind, protected, payload), ES256)
            except InvalidSignature as error:
                raise Invalid('the signature is not good') from error
            return decode(payload)
    raise Invalid('no key of the server has this id')


def digest(reference):
    return hashlib.sha256(reference[1] + reference[0]).digest()


def micros(text):
    """An instant of RFC 3339 in microseconds; what is finer is cut off."""
    moment, _, fraction = text.rstrip('Z').partition('.')
    seconds = datetime.fromisoformat(moment + '+00:00').timestamp()
    return int(seconds) * 1_000_000 + int((fraction + '000000')[:6])


def check_receipt(data, statement_keys, log_key, user, phone, spiffe_id):
    """The five checks of a phone; the receipt's body."""
    body = keys(verify('receipt', data, statement_keys), (0, 1, 2, 3, 6, 9, 10, 11, 12), (4, 5, 7, 8))
    record = json.loads(body[9])
    event = record['event']
    def named(key):
        return uuid.UUID(bytes=body[key]).__str__() if key in body else None
    agree = (record['id'] == named(0), micros(record['at']) == body[3], event['type'] == body[2],
             event.get('user') == named(4), event.get('workstation') in (None, named(5)),
             event.get('purpose') == body.get(7), event.get('session') == named(8))
    if not all(agree):
        raise Invalid(f'the receipt contradicts its record: {agree}')
    mine = event['user'] == user if event.get('user') else event.get('machine') == spiffe_id or event.get('phone') == phone
    if not mine:
        raise Invalid('it is about somebody else')
    size, root = check_checkpoint(body[12], log_key)
    commitment = hashlib.sha256(b'imp-record/v1\0' + body[10] + body[9].encode()).digest()
    leaf = hashlib.sha256(b'\0' + commitment).digest()
    check_inclusion(leaf, body[1], size, body[11], root)
    return body


def check_checkpoint(note, log_key):
    """Size and root of a tree that the log's key signed (C2SP signed-note and tlog-checkpoint)."""
    text, _, signatures = note.rpartition('\n\n')
    text += '\n'
    name, hash_, key = log_key.split('+', 2)
    raw = base64.b64decode(key)
    ident = hashlib.sha256(f'{name}\n'.encode() + raw).digest()[:4]
    if raw[0] != 1 or ident.hex() != hash_:
        raise Invalid('the log\'s key is not one of Ed25519')
    for line in signatures.splitlines():
        _, signer, signature = line.split(' ')
        signature = base64.b64decode(signature)
        if signer == name and signature[:4] == ident:
            try:
                ed25519.Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signature[4:], text.encode())
            except InvalidSignature as error:
                raise Invalid('the log did not sign this') from error
            origin, size, root = text.splitlines()[:3]
            if origin != name:
                raise Invalid('another log')
            return int(size), base64.b64decode(root)
    raise Invalid('the log did not sign this')


def check_inclusion(leaf, index, size, proof, root):
    """RFC 9162, section 2.1.3.2."""
    if index >= size:
        raise Invalid('not in this tree')
    fn, sn, found = index, size - 1, leaf
    for step in proof:
        if sn == 0:
            raise Invalid('the proof is too long')
        if fn & 1 or fn == sn:
            found = hashlib.sha256(b'\1' + step + found).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = hashlib.sha256(b'\1' + found + step).digest()
        fn, sn = fn >> 1, sn >> 1
    if sn != 0 or found != root:
        raise Invalid('the proof does not lead to the root')

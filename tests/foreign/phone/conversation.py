"""One conversation with a workstation: knock, TLS, messages. No input or output, except the state of the phone."""
import hashlib
import hmac
import time

import statements
from link import Ended, Link
from statements import Invalid, decode, digest, encode, keys
from tls import Session, Untrusted

SLOT = 900
LARGEST = 65536
NO_REFERENCE, EXPIRED, UNTRUSTED = 1, 2, 5
HANDSHAKE = 20.0


def mac(key, *parts):
    return hmac.digest(key, b''.join(parts), 'sha256')


def slot(now):
    return int(now) // SLOT


def identifier(key, now):
    return mac(key, b'imp identifier', slot(now).to_bytes(8))[:8]


class Gate:
    """Who has knocked already."""

    def __init__(self, key):
        self.key, self.seen = key, []

    def admits(self, knock, now):
        nonce, proof = knock[:16], knock[16:]
        good = any(hmac.compare_digest(mac(self.key, b'imp knock', number.to_bytes(8), nonce)[:16], proof)
                   for number in (slot(now) - 1, slot(now), slot(now) + 1))
        if not good or nonce in self.seen:
            return False
        self.seen = self.seen[-4095:] + [nonce]
        return True


class Conversation:
    """`say` is told what people would see; `lie` is how this phone cheats, for the server's tests."""

    def __init__(self, state, gate, mtu, say, lie=None):
        self.state, self.gate, self.say, self.lie = state, gate, say, lie
        self.began = time.monotonic()
        self.link = Link(mtu, self.began, speaks=False)
        self.knock, self.session, self.shut = b'', None, False
        self.incoming = b''

    def receive(self, frame):
        self.link.receive(frame, time.monotonic())
        data = self.link.read()
        if self.shut or not data:
            return
        if self.session is None:
            self.knock += data
            if len(self.knock) < 32:
                return
            data, self.knock = self.knock[32:], self.knock[:32]
            if not self.gate.admits(self.knock, time.time()):
                self.shut = True            # and silent for the rest of the connection
                return
            self.link.speaks, self.session = True, Session(self.state)
        self.converse(data)

    def converse(self, data):
        try:
            said = self.session.take(data)
            if said is None:
                self.leave()
            else:
                self.incoming += said
                self.answer()
        except Untrusted:
            self.say('stranger')
            self.leave()
        except Invalid as error:
            self.say(f'the workstation breaks the protocol: {error}')
            self.leave()
        self.link.write(self.session.give())

    def leave(self):
        self.session.end()
        self.link.write(self.session.give())
        self.link.close()
        self.shut = True

    def answer(self):
        while len(self.incoming) >= 4:
            length = int.from_bytes(self.incoming[:4])
            if not 1 <= length <= LARGEST:
                raise Invalid('a message that is too long')
            if len(self.incoming) < 4 + length:
                return
            message, self.incoming = self.incoming[4:4 + length], self.incoming[4 + length:]
            reply = encode(self.reply(decode(message)))
            self.session.say(len(reply).to_bytes(4) + reply)

    def reply(self, message):
        kind, *rest = message if isinstance(message, list) and message else [None]
        if len(rest) != 1:
            raise Invalid('no message for a phone')
        if kind in (0, 7):
            return self.asked(keys(rest[0], range(5)), kind == 7)
        if kind == 2:
            return self.stored(keys(keys(rest[0], (0,))[0], (0, 1, 2), (3,)))
        if kind == 4:
            return self.receipted(keys(rest[0], (0,))[0])
        raise Invalid('no message for a phone')

    def asked(self, request, presence):
        purpose, label = request[1], request[2]
        name = purpose.upper().replace('-', '_')
        reference, now = self.state.reference, time.time_ns() // 1000
        if now >= request[3]:
            return self.declined(EXPIRED, 'the request has expired', name, label)
        if request[4] == 'phone':
            return self.declined(3, 'nobody pressed anything here', name, label)
        if presence:
            body = {0: request[0], 1: self.session.peer, 2: self.session.exporter, 3: purpose, 4: request[4], 5: now}
            self.say(f'asked {name} by {label}: present')
            return [8, {0: self.signed('presence-statement', body)}]
        if reference is None:
            return self.declined(NO_REFERENCE, 'no face is enrolled', name, label)
        body = {0: request[0], 1: self.session.peer, 2: self.session.exporter, 3: digest(reference), 4: purpose,
                5: request[4], 6: now}
        self.say(f'asked {name} by {label}: released')
        return [1, {0: self.signed('tap-statement', self.twisted(body)), 1: self.released(reference)}]

    def signed(self, kind, body):
        if self.lie == 'replay' and 'recorded' in self.state.kept:
            return bytes.fromhex(self.state.kept['recorded'])
        statement = statements.sign(kind, body, self.state.id.bytes, self.state.key)
        if self.lie == 'replay':
            self.state.kept['recorded'] = statement.hex()
            self.state.save()
        return statement

    def twisted(self, body):
        if self.lie == 'other-workstation':
            return body | {1: body[1][:-12] + '0123456789ab'}
        if self.lie == 'other-exporter':
            return body | {2: hashlib.sha256(body[2]).digest()}
        return body

    def released(self, reference):
        if self.lie == 'other-template':
            template = bytearray(reference[0])
            template[-9] ^= 1
            return reference | {0: bytes(template)}
        return reference

    def declined(self, reason, detail, name, label):
        self.say(f'asked {name} by {label}: declined: {detail}')
        return [6, {0: reason, 1: detail}]

    def stored(self, reference):
        try:
            credential = keys(statements.verify('reference-credential', reference[2], self.state.statement_keys), range(9))
            if credential[2] != self.state.id.bytes or credential[3] != digest(reference):
                raise Invalid('the reference is not this phone\'s')
        except Invalid as error:
            return [6, {0: UNTRUSTED, 1: str(error)}]
        self.state.reference = reference
        self.say(f'enrolled {credential[4]}')
        body = {0: credential[0], 1: credential[3], 2: time.time_ns() // 1000}
        return [3, {0: statements.sign('storage-statement', body, self.state.id.bytes, self.state.key)}]

    def receipted(self, receipt):
        try:
            body = check(self.state, receipt)
        except Invalid as error:
            self.say(f'receipt refused: {error}')
            return [6, {0: UNTRUSTED, 1: str(error)}]
        self.state.keep(receipt)
        self.say(f'receipt {body[1]} {body[2]} sealed=True')
        return [5]

    def transmit(self):
        """Frames to send now; raises Ended when the conversation is over."""
        now = time.monotonic()
        if (self.session is None or not self.session.established) and now - self.began > HANDSHAKE:
            raise Ended('the handshake took too long')
        frames = self.link.transmit(now)
        if self.link.finished and self.shut or self.link.peer_closed and not frames:
            raise Ended('closed')
        return frames


def check(state, receipt):
    return statements.check_receipt(receipt, state.statement_keys, state.credentials['log_key'], state.bound['user'],
                                    state.bound['phone'], state.credentials['spiffe_id'])

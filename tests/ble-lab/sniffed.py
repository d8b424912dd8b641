"""Reads what a sniffer saw between kernel and controllers: sniffed.py FILE STAGE  says what of it is constant or personal."""
import base64
import json
import os
import struct
import sys
import uuid

from told import Failed, expect

# The file that `btmon -w` writes: RFC 1761 with data-link type 2001, where `flags` is adapter << 16 | kind of packet.
MONITOR, COMMAND, EVENT, ACL_SENT, ACL_RECEIVED = 2001, 2, 3, 4, 5
# Commands (Core 5.4, Vol 4, Part E, §7.8).
SET_ADVERTISING_DATA, SET_EXTENDED_ADVERTISING_DATA = 0x2008, 0x2037
SET_RANDOM_ADDRESS, SET_ADVERTISING_SET_RANDOM_ADDRESS = 0x2005, 0x2035
# Where the kind of one's own address stands in the parameters of a command, and which kind is public.
OWN_ADDRESS = {0x2006: 5, 0x2036: 10, 0x200d: 12, 0x2043: 1}
PUBLIC, READ_ADDRESS = 0, 0x1009
FLAGS, SERVICE_DATA = 0x01, 0x21
SERVICE = bytes.fromhex('1d0e00018c5b4f63a1d46c2f0b7e9a31')[::-1]
# What nobody who listens may read, besides what the programs keep: people, places, machines, trust domain.
WORDS = ('Ada', 'Olga', 'Ward 3', 'spiffe')
PHONE = 1
NOTIFICATION, FRAME_HEAD = 0x1b, 11
# Of bytes, this many in a row are looked for; a certificate or key is cut into such pieces.
PIECE = 16
# TLS itself says up to nineteen bytes the same way in every ServerHello (RFC 8446, §4.1.3): suite, versions, group and lengths.
ALIKE = 24


def packets(path):
    """Time in microseconds, adapter, kind and bytes of each packet; what a killed sniffer left half written is left out."""
    with open(path, 'rb') as file:
        data = file.read()
    if data[:8] != b'btsnoop\0' or struct.unpack('>I', data[12:16]) != (MONITOR,):
        raise Failed(f'{path} is not a trace of btmon')
    at = 16
    while at + 24 <= len(data):
        _, length, kind, _, when = struct.unpack_from('>IIIIQ', data, at)
        if at + 24 + length > len(data):
            return
        yield when, kind >> 16, kind & 0xffff, data[at + 24:at + 24 + length]
        at += 24 + length


def commands(path):
    """Adapter, code and parameters of each command."""
    for _, adapter, kind, packet in packets(path):
        if kind == COMMAND and len(packet) >= 3:
            yield adapter, struct.unpack_from('<H', packet)[0], packet[3:]


def structures(data):
    """The structures of an advertisement: type and content (Core 5.4, Vol 3, Part C, §11)."""
    while data and data[0]:
        yield data[1], data[2:1 + data[0]]
        data = data[1 + data[0]:]


def advertised(path):
    """What was handed to controllers to be advertised."""
    for _, opcode, body in commands(path):
        if opcode == SET_ADVERTISING_DATA and body[:1] != b'\0':
            yield body[1:1 + body[0]]
        elif opcode == SET_EXTENDED_ADVERTISING_DATA and len(body) > 3 and body[3]:
            yield body[4:4 + body[3]]


def personal(stage):
    """Words and bytes that only the programs may know: names, numbers of people and machines, certificates, public keys."""
    found = {word.lower().encode() for word in WORDS}
    for machine in ('phone', 'workstation'):
        for folder, _, names in os.walk(os.path.join(stage, machine)):
            for name in names:
                try:
                    with open(os.path.join(folder, name), encoding='utf-8') as file:
                        kept = json.load(file)
                except (ValueError, OSError):
                    continue
                for text in texts(kept):
                    found.update(needles(text))
    return sorted(found)


def texts(value):
    """Every text in what a program keeps, and every list of bytes."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and len(value) >= PIECE and all(isinstance(one, int) and 0 <= one < 256 for one in value):
        yield base64.b64encode(bytes(value)).decode()
    elif isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts(one)


def needles(text):
    """What a text would look like on the air."""
    if len(text) >= 12:
        yield text[:64].lower().encode()
    try:
        yield uuid.UUID(text).bytes.lower()
    except ValueError:
        pass
    for decode in (base64.b64decode, base64.urlsafe_b64decode):
        try:
            data = decode(text + '=' * (-len(text) % 4))
        except ValueError:
            continue
        for at in range(0, len(data) - PIECE + 1, PIECE):
            # Pieces of zeros and the like are everywhere.
            if len(set(data[at:at + PIECE])) > PIECE // 2:
                yield data[at:at + PIECE].lower()


def check(path, secrets):
    """Says what the air gives away; fails if that is more than it may be."""
    sent = b''.join(packet[4:] for _, _, kind, packet in packets(path) if kind == ACL_SENT)
    expect(len(sent) > 10_000, f'the sniffer saw {len(sent)} bytes of conversations')
    lower = sent.lower()
    for secret in secrets:
        if secret in lower:
            raise Failed(f'{secret!r} is in them')
    expect(len(secrets) > len(WORDS), f'none of {len(secrets)} names, numbers, and pieces of certificates and keys is in them')
    seen = set(advertised(path))
    expect(bool(seen), f'the sniffer saw {len(seen)} advertisement(s)')
    for data in seen:
        parts = dict(structures(data))
        expect(set(parts) == {FLAGS, SERVICE_DATA}, 'an advertisement holds flags and service data, and nothing else')
        held = parts[SERVICE_DATA]
        expect(held[:16] == SERVICE and len(held) == 24, 'the service data is the service and eight bytes')


def check_slots(path, host):
    """Says what is the same in two slots: our service, and nothing else. `host` is the machine's name."""
    data = [dict(structures(data)) for data in advertised(path)]
    identifiers = {parts[SERVICE_DATA][16:] for parts in data}
    expect(len(identifiers) >= 2, f'the phone called itself by {len(identifiers)} identifiers')
    expect(len({parts[FLAGS] for parts in data}) == 1, 'its flags are those of every phone')
    check_addresses(path)
    check_alike(path)
    sent = b''.join(packet for _, adapter, kind, packet in packets(path) if kind == ACL_SENT and adapter == PHONE)
    expect(host.encode() not in sent, f'the name of its machine, “{host}”, is nowhere')


def check_addresses(path):
    """Nobody is seen by a public address; the phone's private address changes."""
    private = [body[-6:] for adapter, opcode, body in commands(path)
               if adapter == PHONE and opcode in (SET_RANDOM_ADDRESS, SET_ADVERTISING_SET_RANDOM_ADDRESS)]
    expect(len(set(private)) >= 2, f'the phone had {len(set(private))} addresses')
    expect(all(address[5] >> 6 in (0, 1) for address in private), 'each is private, and says nothing of who has it')
    own = [body[OWN_ADDRESS[opcode]] for _, opcode, body in commands(path) if opcode in OWN_ADDRESS]
    expect(bool(own) and PUBLIC not in own, f'{len(own)} times somebody advertised or connected, never by a public address')
    public = {packet[-6:] for _, _, kind, packet in packets(path)
              if kind == EVENT and packet[:1] == b'\x0e' and packet[3:5] == struct.pack('<H', READ_ADDRESS)}
    heard = [packet for _, _, kind, packet in packets(path) if kind == EVENT and packet[:1] == b'\x3e']
    told = [address for address in public if any(address in packet for packet in heard)]
    expect(not told, f'none of {len(public)} public addresses was heard by anybody')


def check_alike(path):
    """What the phone says of its conversations in one slot is not what it says in the next."""
    said, since = {}, None
    for when, adapter, kind, packet in packets(path):
        since = since or when
        if kind == ACL_SENT and adapter == PHONE and packet[8:9] == bytes([NOTIFICATION]):
            said.setdefault((when - since) // 600_000_000, bytearray()).extend(packet[11 + FRAME_HEAD:])
    expect(len(said) == 2, 'the phone spoke in two slots')
    first, second = said.values()
    pieces = {bytes(first[at:at + ALIKE]) for at in range(len(first) - ALIKE + 1)}
    same = sum(bytes(second[at:at + ALIKE]) in pieces for at in range(len(second) - ALIKE + 1))
    expect(same == 0, f'of {len(first)} and {len(second)} bytes no {ALIKE} in a row are the same')


if __name__ == '__main__':
    try:
        check(sys.argv[1], personal(sys.argv[2]))
    except Failed as failure:
        sys.exit(f'sniffed.py: {failure}')

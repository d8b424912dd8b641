"""Reads what a sniffer saw between kernel and controllers: sniffed.py FILE WORD…  says what of it is constant or personal."""
import struct
import sys

from told import Failed, expect

# The file that `btmon -w` writes: RFC 1761 with data-link type 2001, where `flags` is adapter << 16 | kind of packet.
MONITOR, COMMAND, ACL_SENT = 2001, 2, 4
SET_ADVERTISING_DATA, SET_EXTENDED_ADVERTISING_DATA = 0x2008, 0x2037
FLAGS, SERVICE_DATA = 0x01, 0x21
SERVICE = bytes.fromhex('1d0e00018c5b4f63a1d46c2f0b7e9a31')[::-1]


def packets(path):
    """Kind and bytes of each packet; what a killed sniffer left half written is left out."""
    with open(path, 'rb') as file:
        data = file.read()
    if data[:8] != b'btsnoop\0' or struct.unpack('>I', data[12:16]) != (MONITOR,):
        raise Failed(f'{path} is not a trace of btmon')
    at = 16
    while at + 24 <= len(data):
        _, length, kind = struct.unpack_from('>III', data, at)
        if at + 24 + length > len(data):
            return
        yield kind & 0xffff, data[at + 24:at + 24 + length]
        at += 24 + length


def structures(data):
    """The structures of an advertisement: type and content (Core 5.4, Vol 3, Part C, §11)."""
    while data and data[0]:
        yield data[1], data[2:1 + data[0]]
        data = data[1 + data[0]:]


def advertised(path):
    """What was handed to controllers to be advertised."""
    for kind, packet in packets(path):
        if kind != COMMAND or len(packet) < 3:
            continue
        opcode, body = struct.unpack_from('<H', packet)[0], packet[3:]
        if opcode == SET_ADVERTISING_DATA and body[:1] != b'\0':
            yield body[1:1 + body[0]]
        elif opcode == SET_EXTENDED_ADVERTISING_DATA and len(body) > 3 and body[3]:
            yield body[4:4 + body[3]]


def check(path, words):
    """Says what the air gives away; fails if that is more than it may be."""
    sent = b''.join(packet[4:] for kind, packet in packets(path) if kind == ACL_SENT)
    expect(len(sent) > 10_000, f'the sniffer saw {len(sent)} bytes of conversations')
    for word in words:
        expect(word.lower().encode() not in sent.lower(), f'“{word}” is nowhere in them')
    seen = set(advertised(path))
    expect(seen, f'the sniffer saw {len(seen)} advertisement(s)')
    for data in seen:
        parts = dict(structures(data))
        expect(set(parts) == {FLAGS, SERVICE_DATA}, 'an advertisement holds flags and service data, and nothing else')
        held = parts[SERVICE_DATA]
        expect(held[:16] == SERVICE and len(held) == 24, 'the service data is the service and eight bytes')


if __name__ == '__main__':
    try:
        check(sys.argv[1], sys.argv[2:])
    except Failed as failure:
        sys.exit(f'sniffed.py: {failure}')

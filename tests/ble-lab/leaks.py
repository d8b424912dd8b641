"""Makes traces that give something away, and looks whether sniffed.py sees it: played on the host before the machine is booted."""
import base64
import contextlib
import io
import json
import os
import random
import struct
import tempfile
import uuid

import sniffed
from told import Failed

CERTIFICATE, USER, HOST = random.Random(3).randbytes(400), '01a204d6-2222-79da-a9ba-af444c1d13b0', 'ble-lab'
# A slot later, in microseconds.
LATER = 900_000_000
LEAKS = {
    'a certificate': {'says': CERTIFICATE[100:160]},
    'the number of a person': {'says': uuid.UUID(USER).bytes},
    'the name of a place': {'says': b'xx Ward 3 left'},
    'the name of the machine': {'says': HOST.encode()},
    'what it has said before': {'always': bytes(range(30))},
    'a public address': {'own': sniffed.PUBLIC},
    'the identifier of the last slot': {'identifiers': (1, 1)},
    'the address of the last slot': {'addresses': (5, 5)},
}


def trace(says=b'', always=b'', own=1, identifiers=(1, 2), addresses=(5, 6)):
    """What a sniffer would see of two conversations in two slots."""
    chance, records = random.Random(4), []

    def record(adapter, kind, packet, when):
        records.append(struct.pack('>IIIIQ', len(packet), len(packet), adapter << 16 | kind, 0, when) + packet)

    def command(adapter, code, body, when):
        record(adapter, sniffed.COMMAND, struct.pack('<HB', code, len(body)) + body, when)

    for slot, (identifier, address) in enumerate(zip(identifiers, addresses)):
        when = 1 + slot * LATER
        command(1, sniffed.SET_RANDOM_ADDRESS, bytes([address] * 5 + [0x42]), when)
        command(1, 0x2006, bytes(5) + bytes([own]) + bytes(9), when)
        data = b'\x02\x01\x06' + bytes([25, sniffed.SERVICE_DATA]) + sniffed.SERVICE + bytes([identifier] * 8)
        command(1, sniffed.SET_ADVERTISING_DATA, bytes([len(data)]) + data, when)
        for frame in range(40):
            said = always + chance.randbytes(200) + (says if frame == 3 else b'')
            value = bytes([sniffed.NOTIFICATION]) + bytes(2 + sniffed.FRAME_HEAD) + said
            record(1, sniffed.ACL_SENT, struct.pack('<HHHH', 42, len(value) + 4, len(value), 4) + value, when)
    return b'btsnoop\0' + struct.pack('>II', 1, sniffed.MONITOR) + b''.join(records)


def is_clean(path, secrets, **leak):
    with open(path, 'wb') as file:
        file.write(trace(**leak))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            sniffed.check(path, secrets)
            sniffed.check_slots(path, HOST)
    except Failed:
        return False
    return True


def check():
    """Fails if a leak is not seen, or one is seen where there is none."""
    with tempfile.TemporaryDirectory() as stage:
        os.mkdir(f'{stage}/phone')
        with open(f'{stage}/phone/kept.json', 'w') as file:
            json.dump({'chain': [base64.b64encode(CERTIFICATE).decode()], 'user': USER}, file)
        secrets, path = sniffed.personal(stage), f'{stage}/trace'
        if not is_clean(path, secrets):
            raise Failed('the sniffer sees a leak where there is none')
        for what, leak in LEAKS.items():
            if is_clean(path, secrets, **leak):
                raise Failed(f'the sniffer does not see {what}')

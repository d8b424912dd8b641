"""Air between two controllers: air.py CONTROL [NEIGHBOURS]  carries packets between the kernel (`/dev/vhci`) and `btvirt`, and does to them
what air does. The first controller is the workstation's, the second the phone's. Each line that is written to the pipe CONTROL changes
something:

    loss 0.05     so many write commands and notifications (ATT, without an answer) vanish
    delay 40      what goes over a link takes so many milliseconds more, each way
    rssi -72      the workstation hears the phone so loud (dBm); btvirt measures nothing
    cut 7         the phone is out of reach after seven more packets of the workstation, in the middle of a frame if it happens so:
                  nothing passes, and after the supervision timeout both ends are told that the link is lost
    back          it is in reach again
"""
import heapq
import os
import random
import selectors
import socket
import struct
import sys
import time

# H4 packet types (Core 5.4, Vol 4, Part A, §2), and how long each packet is.
COMMAND, ACL, EVENT, VENDOR = 1, 2, 4, 0xff
HEADERS = {COMMAND: (3, 'B', 2), ACL: (4, '<H', 2), EVENT: (2, 'B', 1)}
# Events (Vol 4, Part E, §7.7) and commands (§7.8).
DISCONNECTED, STATUS, COMPLETED, LE_META = 0x05, 0x0f, 0x13, 0x3e
REPORT, EXTENDED_REPORT, CONNECTED, ENHANCED_CONNECTED = 0x02, 0x0d, 0x01, 0x0a
DISCONNECT, SCAN, EXTENDED_SCAN = 0x0406, 0x200c, 0x2042
WRITE_COMMAND, NOTIFICATION, ATT_CHANNEL = 0x52, 0x1b, 4
SUPERVISION = 2.0
SERVICE = bytes.fromhex('1d0e00018c5b4f63a1d46c2f0b7e9a31')[::-1]
INTERVAL = 0.12


def split(buffer):
    """Takes whole packets off a stream."""
    packets = []
    while buffer:
        size, form, at = HEADERS[buffer[0]]
        if len(buffer) < 1 + size:
            break
        whole = 1 + size + struct.unpack_from(form, buffer, 1 + at)[0]
        if len(buffer) < whole:
            break
        packets.append(bytes(buffer[:whole]))
        del buffer[:whole]
    return packets


class Neighbour:
    """A phone that only advertises: as one of another hospital does, with an identifier that no roster knows."""

    def __init__(self, chance):
        # A resolvable private address has 01 on top (Vol 6, Part B, §1.3.2.2).
        address = chance.randbytes(5) + bytes([0x40 | chance.randrange(64)])
        data = b'\x02\x01\x06' + bytes([25, 0x21]) + SERVICE + chance.randbytes(8)
        self.address, self.data, self.rssi = address, data, chance.randrange(-92, -45)

    def report(self, extended):
        rssi = struct.pack('b', max(-100, min(-30, self.rssi + random.randrange(-4, 5))))
        if extended:
            body = struct.pack('<HB', 0x13, 1) + self.address + b'\x01\x00\xff\x7f' + rssi + b'\x00\x00\x00' + bytes(6)
            body += bytes([len(self.data)]) + self.data
            return event(LE_META, bytes([EXTENDED_REPORT, 1]) + body)
        body = b'\x00\x01' + self.address + bytes([len(self.data)]) + self.data + rssi
        return event(LE_META, bytes([REPORT, 1]) + body)


def event(code, body):
    return bytes([EVENT, code, len(body)]) + body


class Side:
    """One controller: the kernel's end and btvirt's end."""

    def __init__(self, air):
        self.kernel = os.open('/dev/vhci', os.O_RDWR)
        self.controller = socket.socket(socket.AF_UNIX)
        self.controller.connect(air)
        os.write(self.kernel, bytes([VENDOR, 0]))
        # The kernel's first command may come before it says that there is a controller.
        while (packet := os.read(self.kernel, 4096))[0] != VENDOR:
            self.controller.sendall(packet)
        self.buffer = bytearray()
        # The packet that is being dropped: its continuations are too.
        self.dropping = False
        self.handle = None
        self.hushed = 0


class Air:
    def __init__(self, control, neighbours):
        self.chance = random.Random(7)
        self.loss, self.delay, self.rssi, self.cut, self.gone = 0.0, 0.0, None, None, False
        self.neighbours = [Neighbour(self.chance) for _ in range(neighbours)]
        self.scanning, self.extended, self.once = False, False, True
        self.later, self.count = [], 0
        self.sides = [Side('/tmp/bt-server-le'), Side('/tmp/bt-server-le')]
        self.selector = selectors.DefaultSelector()
        for side in self.sides:
            self.selector.register(side.kernel, selectors.EVENT_READ, lambda side=side: self.from_kernel(side))
            self.selector.register(side.controller, selectors.EVENT_READ, lambda side=side: self.from_controller(side))
        os.mkfifo(control)
        self.control = os.open(control, os.O_RDWR | os.O_NONBLOCK)
        self.selector.register(self.control, selectors.EVENT_READ, self.obey)

    def run(self):
        while True:
            wait = max(0.0, self.later[0][0] - time.monotonic()) if self.later else None
            for key, _ in self.selector.select(wait):
                key.data()
            while self.later and self.later[0][0] <= time.monotonic():
                heapq.heappop(self.later)[2]()

    def after(self, seconds, action):
        self.count += 1
        heapq.heappush(self.later, (time.monotonic() + seconds, self.count, action))

    def obey(self):
        for line in os.read(self.control, 4096).decode().splitlines():
            word, *more = line.split()
            if word == 'loss':
                self.loss = float(more[0])
            elif word == 'delay':
                self.delay = float(more[0]) / 1000
            elif word == 'rssi':
                self.rssi = int(more[0])
            elif word == 'cut':
                self.cut = int(more[0])
            elif word == 'back':
                self.gone = False
            print(f'air: {line}', flush=True)

    def from_kernel(self, side):
        packet = os.read(side.kernel, 4096)
        if packet[0] == COMMAND:
            self.notice(side, packet)
            side.controller.sendall(packet)
        elif packet[0] == ACL:
            if side is self.sides[0]:
                self.count_down()
            if self.gone or self.is_lost(side, packet):
                handle = struct.unpack_from('<H', packet, 1)[0] & 0xfff
                os.write(side.kernel, event(COMPLETED, struct.pack('<BHH', 1, handle, 1)))
            elif self.delay:
                self.after(self.delay, lambda: side.controller.sendall(packet))
            else:
                side.controller.sendall(packet)

    def count_down(self):
        if self.cut is None:
            return
        self.cut -= 1
        if self.cut < 0:
            self.cut, self.gone = None, True
            self.after(SUPERVISION, self.end_links)

    def is_lost(self, side, packet):
        """Whether the air swallows it: only what asks for no answer, since a link mends everything else by itself."""
        first = struct.unpack_from('<H', packet, 1)[0] >> 12 & 3 != 1
        if first:
            channel, opcode = struct.unpack_from('<HB', packet, 7) if len(packet) > 9 else (0, 0)
            loose = channel == ATT_CHANNEL and opcode in (WRITE_COMMAND, NOTIFICATION)
            side.dropping = loose and self.chance.random() < self.loss
        return side.dropping

    def end_links(self):
        """What the supervision timeout does: btvirt ends the link, and both hosts are told."""
        side = self.sides[0]
        if side.handle is not None:
            side.hushed += 1
            side.controller.sendall(struct.pack('<BHBHB', COMMAND, DISCONNECT, 3, side.handle, 0x08))

    def notice(self, side, packet):
        """Looks whether the workstation scans."""
        opcode = struct.unpack_from('<H', packet, 1)[0]
        if side is not self.sides[0] or opcode not in (SCAN, EXTENDED_SCAN):
            return
        was, self.scanning = self.scanning, packet[4] == 1
        self.extended, self.once = opcode == EXTENDED_SCAN, packet[5] == 1
        if self.scanning and not was:
            for neighbour in self.neighbours:
                self.after(self.chance.uniform(0.01, INTERVAL), lambda one=neighbour: self.advertise(one))

    def advertise(self, neighbour):
        if not self.scanning:
            return
        os.write(self.sides[0].kernel, neighbour.report(self.extended))
        if not self.once:
            self.after(INTERVAL + self.chance.uniform(0, 0.01), lambda: self.advertise(neighbour))

    def from_controller(self, side):
        data = side.controller.recv(65536)
        if not data:
            sys.exit('btvirt is gone')
        side.buffer += data
        for packet in split(side.buffer):
            packet = self.changed(side, packet)
            if packet:
                os.write(side.kernel, packet)

    def changed(self, side, packet):
        """An event as the kernel gets it; nothing if it does not."""
        if packet[0] != EVENT:
            return packet
        code, kind = packet[1], packet[3] if len(packet) > 3 else 0
        if code == STATUS and side.hushed and packet[5:7] == struct.pack('<H', DISCONNECT):
            side.hushed -= 1
            return None
        if code == DISCONNECTED:
            side.handle = None
        if code == LE_META and kind in (CONNECTED, ENHANCED_CONNECTED) and packet[4] == 0:
            side.handle = struct.unpack_from('<H', packet, 5)[0]
        if code == LE_META and kind in (REPORT, EXTENDED_REPORT) and side is self.sides[0]:
            if self.gone:
                return None
            if self.rssi is not None:
                rssi = struct.pack('b', self.rssi)
                return packet[:-1] + rssi if kind == REPORT else packet[:18] + rssi + packet[19:]
        return packet


if __name__ == '__main__':
    air = Air(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    print('air: ready', flush=True)
    air.run()

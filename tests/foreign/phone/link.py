"""The link of docs/reference/protocol.md §3: a reliable stream over frames that may be lost. No input or output."""
import zlib

DATA, CLOSE, ACKNOWLEDGE, HEARTBEAT = 0x11, 0x12, 0x13, 0x14
HEADER, LARGEST, WINDOW = 11, 514, 64
SILENCE, STALLED, QUIET, SOON, EVERY = 6.0, 15.0, 1.0, 0.01, 8
SHORTEST, LONGEST = 0.15, 0.5


class Ended(Exception):
    """The link carries nothing more."""


def pack(kind, number, acknowledged, payload=b''):
    head = bytes([kind]) + number.to_bytes(2) + acknowledged.to_bytes(2) + len(payload).to_bytes(2)
    return head + zlib.crc32(head + payload).to_bytes(4) + payload


def unpack(frame):
    """Kind, number, acknowledgement and payload; None for whatever is no frame."""
    if not HEADER <= len(frame) <= LARGEST:
        return None
    head, check, payload = frame[:7], frame[7:HEADER], frame[HEADER:]
    if int.from_bytes(head[5:7]) != len(payload) or zlib.crc32(head + payload).to_bytes(4) != check:
        return None
    kind, number = head[0], int.from_bytes(head[1:3])
    fits = {DATA: len(payload) > 0, CLOSE: len(payload) == 0, ACKNOWLEDGE: len(payload) in (0, 8),
            HEARTBEAT: len(payload) in (0, 8)}
    if not fits.get(kind, False) or (kind in (ACKNOWLEDGE, HEARTBEAT) and number != 0):
        return None
    return kind, number, int.from_bytes(head[3:5]), payload


class Sent:
    """A numbered frame that is not acknowledged yet."""

    def __init__(self, kind, payload):
        self.kind, self.payload = kind, payload
        self.first = self.last = None
        self.due, self.repeated, self.arrived = True, False, False


class Link:
    """One end. `now` is in seconds, of any clock that only goes forward. While `speaks` is false it sends nothing at all."""

    def __init__(self, mtu, now, speaks=True):
        self.capacity = min(mtu - 3, LARGEST) - HEADER
        self.speaks = speaks
        self.waiting, self.closing = bytearray(), False
        self.flight, self.base = [], 0          # unacknowledged frames; the number of the first
        self.round_trip, self.deviation, self.backoff = None, 0.0, 1
        self.anything_acknowledged = False
        self.expected, self.early, self.stream, self.peer_closed = 0, {}, bytearray(), False
        self.unacknowledged, self.acknowledge_at = 0, None
        self.heard, self.said = now, now

    def write(self, data):
        self.waiting += data

    def close(self):
        self.closing = True

    def read(self):
        data, self.stream = bytes(self.stream), bytearray()
        return data

    @property
    def finished(self):
        """Whether everything is said and acknowledged, the close too."""
        return self.closing and not self.waiting and not self.flight and self.closed_at is not None

    closed_at = None

    def receive(self, frame, now):
        parsed = unpack(frame)
        if parsed is None:
            return
        kind, number, acknowledged, payload = parsed
        self.heard = now
        early = payload if kind in (ACKNOWLEDGE, HEARTBEAT) else b''
        self.take_acknowledgement(acknowledged, early, now)
        if kind in (DATA, CLOSE):
            self.take(kind, number, payload, now)

    def take(self, kind, number, payload, now):
        ahead = (number - self.expected) % 65536
        if ahead >= 32768 or (ahead > 0 and ahead < WINDOW) or number in self.early:
            self.acknowledge_at = now            # again, or early
        if ahead >= WINDOW:
            return                               # old, or beyond the window
        had_gap = bool(self.early)
        self.early[number] = (kind, payload)
        while self.expected in self.early:
            kind, payload = self.early.pop(self.expected)
            self.expected = (self.expected + 1) % 65536
            self.unacknowledged += 1
            if self.peer_closed:
                continue
            if kind == CLOSE:
                self.peer_closed, self.acknowledge_at = True, now
            self.stream += payload
        if self.unacknowledged >= EVERY or (had_gap and not self.early):
            self.acknowledge_at = now
        elif self.unacknowledged and self.acknowledge_at is None:
            self.acknowledge_at = now + SOON

    def take_acknowledgement(self, acknowledged, early, now):
        count = (acknowledged - self.base) % 65536
        if count > len(self.flight):
            return                               # of what was never sent
        for sent in self.flight[:count]:
            self.measure(sent, now)
        del self.flight[:count]
        self.base = acknowledged
        progress, latest = count > 0, None
        bits = int.from_bytes(early)
        for i in range(64):
            if bits >> i & 1 and i + 1 < len(self.flight):
                sent = self.flight[i + 1]
                if not sent.arrived:
                    self.measure(sent, now)
                    sent.arrived, sent.due, progress = True, False, True
                if sent.last is not None and (latest is None or sent.last > latest):
                    latest = sent.last
        if progress:
            self.anything_acknowledged, self.backoff = True, 1
        if latest is not None:
            for sent in self.flight:
                if not sent.arrived and sent.last is not None and sent.last < latest:
                    sent.due = True

    def measure(self, sent, now):
        if sent.arrived or sent.repeated or sent.last is None:
            return
        sample = now - sent.last
        if self.round_trip is None:
            self.round_trip, self.deviation = sample, sample / 2
        else:
            self.deviation += (abs(self.round_trip - sample) - self.deviation) / 4
            self.round_trip += (sample - self.round_trip) / 8

    def timeout(self):
        if self.round_trip is None:
            return LONGEST * self.backoff
        return min(max(self.round_trip + 4 * self.deviation, SHORTEST), LONGEST) * self.backoff

    def deadline(self):
        """When to call `transmit` next."""
        times = [self.heard + SILENCE]
        if self.speaks:
            times.append(self.said + QUIET)
            times += [self.acknowledge_at] if self.acknowledge_at is not None else []
            pending = self.pending()
            times += [pending[0].last + self.timeout()] if pending else []
        return min(times)

    def transmit(self, now):
        """The frames to send now. Raises Ended when the peer is dead."""
        if now >= self.heard + SILENCE:
            raise Ended('nothing was heard for 6 s')
        if not self.speaks:
            return []
        self.fill()
        self.expire(now)
        frames = []
        for place, sent in enumerate(self.flight):
            if sent.due:
                sent.repeated, sent.due = sent.first is not None, False
                sent.first, sent.last = sent.first if sent.first is not None else now, now
                frames.append(pack(sent.kind, (self.base + place) % 65536, self.expected, sent.payload))
        if frames:
            self.acknowledge_at = self.acknowledge_at if self.early else None
            self.unacknowledged = 0
        if self.acknowledge_at is not None and now >= self.acknowledge_at:
            frames.append(pack(ACKNOWLEDGE, 0, self.expected, self.bit_map()))
            self.acknowledge_at, self.unacknowledged = None, 0
        if not frames and now >= self.said + QUIET:
            frames.append(pack(HEARTBEAT, 0, self.expected, self.bit_map()))
        if frames:
            self.said = now
        return frames

    def fill(self):
        while len(self.flight) < WINDOW and self.waiting:
            payload = bytes(self.waiting[:self.capacity])
            del self.waiting[:self.capacity]
            self.flight.append(Sent(DATA, payload))
        if self.closing and not self.waiting and self.closed_at is None and len(self.flight) < WINDOW:
            self.closed_at = (self.base + len(self.flight)) % 65536
            self.flight.append(Sent(CLOSE, b''))

    def pending(self):
        """What was sent and has not arrived, as far as this side knows; the oldest first."""
        return [sent for sent in self.flight if not sent.arrived and sent.last is not None]

    def expire(self, now):
        pending = self.pending()
        if any(now - sent.first >= STALLED for sent in pending):
            raise Ended('a frame was not acknowledged within 15 s')
        if not pending or now < pending[0].last + self.timeout():
            return
        for sent in pending[:1] if self.anything_acknowledged else pending:
            sent.due = True
        self.backoff = min(self.backoff * 2, 64)

    def bit_map(self):
        if not self.early:
            return b''
        bits = 0
        for number in self.early:
            bits |= 1 << ((number - self.expected - 1) % 65536)
        return bits.to_bytes(8)

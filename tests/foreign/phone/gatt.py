"""The phone on a Bluetooth stack that is not ours: bumble's GATT server, host and controller; docs/reference/protocol.md §1 and §2."""
import asyncio
import struct
import time

from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData
from bumble.device import Device, Peer
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import Address
from bumble.host import Host

from conversation import Conversation, identifier, slot
from link import Ended

SERVICE, INBOUND, OUTBOUND = (UUID(f'1d0e000{n}-8c5b-4f63-a1d4-6c2f0b7e9a31') for n in (1, 2, 3))
LARGEST_MTU = 503


def device(link, name, address):
    """A radio on the air `link`."""
    made = Device(name=name, address=Address(address))
    made.host = Host()
    made.host.controller = Controller(name, link=link)
    return made


class Peripheral:
    """The phone: advertises, and answers who subscribes."""

    def __init__(self, radio, state, gate, say, lie=None):
        self.radio, self.state, self.make = radio, state, lambda mtu: Conversation(state, gate, mtu, say, lie)
        self.coming, self.tasks = {}, set()
        self.outbound = Characteristic(OUTBOUND, Characteristic.Properties.NOTIFY, Characteristic.READABLE)
        inbound = Characteristic(
            INBOUND, Characteristic.Properties.WRITE | Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
            Characteristic.WRITEABLE, CharacteristicValue(write=self.written))
        radio.add_service(Service(SERVICE, [inbound, self.outbound]))
        radio.gatt_server.on('characteristic_subscription', self.subscribed)
        radio.on('connection', self.connected)

    async def serve(self, ready):
        await self.radio.power_on()
        shown = None
        while True:
            now = slot(time.time())
            if now != shown:
                await self.advertise()
                ready()
                ready, shown = lambda: None, now
            await asyncio.sleep(1)

    async def advertise(self):
        data = identifier(self.state.identifier_key, time.time())
        if self.radio.is_advertising:
            await self.radio.stop_advertising()
        # Flags: general discoverable, no BR/EDR.
        shown = AdvertisingData([(AdvertisingData.FLAGS, b'\x06'),
                                 (AdvertisingData.SERVICE_DATA_128_BIT_UUID, SERVICE.to_bytes() + data)])
        await self.radio.start_advertising(advertising_data=bytes(shown), scan_response_data=b'')

    def connected(self, connection):
        connection.on('disconnection', lambda _: self.over(connection))
        self.go(self.advertise())

    def go(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def over(self, connection):
        coming = self.coming.pop(connection, None)
        if coming is not None:
            coming.put_nowait(None)

    def subscribed(self, connection, characteristic, notifies, _indicates):
        if characteristic is not self.outbound:
            return
        self.over(connection)
        if notifies:
            self.coming[connection] = asyncio.Queue()
            self.go(self.converse(connection, self.coming[connection]))

    def written(self, connection, frame):
        if connection in self.coming:
            self.coming[connection].put_nowait(bytes(frame))

    async def converse(self, connection, coming):
        conversation = self.make(min(connection.att_mtu, LARGEST_MTU))
        try:
            while True:
                for frame in conversation.transmit():
                    await self.radio.gatt_server.notify_subscriber(connection, self.outbound, frame)
                left = max(conversation.link.deadline() - time.monotonic(), 0)
                try:
                    frame = await asyncio.wait_for(coming.get(), left)
                except TimeoutError:
                    continue
                if frame is None:
                    return
                conversation.receive(frame)
        except Ended:
            await connection.disconnect()


class Relay:
    """Lets workstations of the emulated air reach what advertises on bumble's: scans, connects, subscribes and writes as a central."""

    def __init__(self, radio, socket):
        self.radio, self.socket, self.heard = radio, socket, {}
        radio.on('advertisement', self.hear)

    def hear(self, advertisement):
        for data in advertisement.data.get_all(AdvertisingData.SERVICE_DATA_128_BIT_UUID):
            uuid, value = data if isinstance(data, tuple) else (UUID(data[:16]), data[16:])
            if uuid == SERVICE and len(value) == 8:
                self.heard = {'address': advertisement.address, 'identifier': bytes(value)}

    async def serve(self, ready):
        await self.radio.power_on()
        await self.radio.start_scanning(filter_duplicates=False)
        while not self.heard:
            await asyncio.sleep(0.05)
        server = await asyncio.start_unix_server(self.call, self.socket)
        ready()
        async with server:
            await server.serve_forever()

    async def call(self, reader, writer):
        try:
            asked = await reader.readexactly(1)
            if asked == b'A':
                writer.write(self.heard['identifier'] + struct.pack('>Bh', 0, 0))
                await writer.drain()
            elif asked == b'C':
                await self.carry(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def carry(self, reader, writer):
        connection = await self.radio.connect(self.heard['address'])
        try:
            peer = Peer(connection)
            await peer.request_mtu(LARGEST_MTU)
            await peer.discover_service(SERVICE)
            await peer.discover_characteristics()
            inbound, = peer.get_characteristics_by_uuid(INBOUND)
            outbound, = peer.get_characteristics_by_uuid(OUTBOUND)
            writer.write(struct.pack('>H', min(connection.att_mtu, LARGEST_MTU)))
            await peer.subscribe(outbound, lambda value: writer.write(struct.pack('>H', len(value)) + bytes(value)))
            connection.on('disconnection', lambda _: writer.close())
            while True:
                length = int.from_bytes(await reader.readexactly(2))
                await inbound.write_value(await reader.readexactly(length), with_response=False)
        finally:
            await connection.disconnect()

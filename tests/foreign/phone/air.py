"""The emulated radio between processes of one machine, docs/radio.md: a Unix socket for each phone."""
import asyncio
import pathlib
import random
import time

from conversation import Conversation, identifier
from link import Ended


class Air:
    """A phone on the air; `loss` is the share of frames, both ways, that vanish."""

    def __init__(self, folder, name, mtu=247, loss=0.0):
        self.socket = pathlib.Path(folder) / f'{name}.sock'
        self.mtu, self.loss, self.chance = mtu, loss, random.Random(1)

    async def serve(self, state, gate, say, lie):
        async def caller(reader, writer):
            try:
                await self.answer(reader, writer, state, gate, say, lie)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()
        self.socket.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(caller, self.socket)
        say('ready')
        try:
            await server.serve_forever()
        finally:
            self.socket.unlink(missing_ok=True)

    async def answer(self, reader, writer, state, gate, say, lie):
        asked = await reader.readexactly(1)
        if asked == b'A':
            writer.write(identifier(state.identifier_key, time.time()) + b'\1' + (-50).to_bytes(2, signed=True))
            await writer.drain()
        elif asked == b'C':
            writer.write(self.mtu.to_bytes(2))
            await self.carry(reader, writer, Conversation(state, gate, self.mtu, say, lie))

    async def carry(self, reader, writer, conversation):
        async def value():
            return await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
        coming = asyncio.ensure_future(value())
        try:
            while True:
                for frame in conversation.transmit():
                    if self.chance.random() >= self.loss:
                        writer.write(len(frame).to_bytes(2) + frame)
                await writer.drain()
                left = max(conversation.link.deadline() - time.monotonic(), 0)
                done, _ = await asyncio.wait([coming], timeout=left)
                if done:
                    frame = coming.result()
                    coming = asyncio.ensure_future(value())
                    if self.chance.random() >= self.loss:
                        conversation.receive(frame)
        except Ended:
            pass
        finally:
            coming.cancel()

"""An application that takes HL7 v2 over MLLP, of the library `hl7`. Prints `listening on PORT`, then one line a message."""
import asyncio

import hl7
from hl7.mllp import start_hl7_server


async def converse(reader, writer):
    while not writer.is_closing():
        try:
            message = await reader.readmessage()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        header = message.segment("MSH")
        print("got", header[10][0], message.segment("OBX")[5][0], flush=True)
        writer.writemessage(message.create_ack())
        await writer.drain()


async def main():
    server = await start_hl7_server(converse, host="127.0.0.1", port=0)
    print("listening on", server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())

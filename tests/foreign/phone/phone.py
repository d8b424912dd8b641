"""A phone that uses none of our code, by docs/reference: phone.py STATE COMMAND …

bind INVITATION
run AIR NAME [lie HOW | air mtu=N | air loss=PERCENT | radio bumble | radio HCI]
status | uses | renew | erase
"""
import asyncio
import signal
import sys

import server
from air import Air
from conversation import Gate, check
from server import Refused, b64, from_b64
from state import State
from statements import Invalid, decode


def say(line):
    print(line, flush=True)


def bind(state, text):
    if state.bound:
        raise Refused('this phone is bound already')
    url, fingerprint, code = server.invitation(text)
    root = server.pinned_root(url, fingerprint)
    body = {'code': code, 'certificate_request': b64(server.request(state.key))}
    bound = server.Server(url, [root]).post('/v1/phones/binding', body)
    if root not in [from_b64(der) for der in bound['credentials']['trust_anchors']]:
        raise Refused('the root is not the one of the invitation')
    state.kept |= {'bound': bound, 'server': url}
    state.save()
    keep(state, bound['credentials'])
    say(f'bound to {bound["display_name"]} by {url} as {bound["phone"]}')


def keep(state, credentials):
    if credentials.get('receipt'):
        receipt = from_b64(credentials['receipt'])
        check(state, receipt)
        state.keep(receipt)


def run(state, air, name, *how):
    options = dict(zip(how[::2], how[1::2]))
    radio = dict(part.split('=') for part in [options['air']] if part) if 'air' in options else {}
    on_air = Air(air, name, int(radio.get('mtu', 247)), int(radio.get('loss', 0)) / 100)

    gate, lie = Gate(state.identifier_key), options.get('lie')

    async def main():
        serving = {None: lambda: on_air.serve(state, gate, say, lie),
                   'bumble': lambda: bumble(state, gate, lie, on_air.socket)}.get(
                       options.get('radio'), lambda: attached(state, gate, lie, options['radio']))()
        task = asyncio.ensure_future(serving)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            say('stopped')
    asyncio.run(main())


async def attached(state, gate, lie, hci):
    """The phone on a controller that is reached over HCI, such as `unix:/tmp/bt-server-le`."""
    from bumble.device import Device
    from bumble.hci import Address
    from bumble.transport import open_transport
    from gatt import Peripheral
    async with await open_transport(hci) as controller:
        radio = Device.with_hci('phone', Address('F0:F1:F2:F3:F4:F5'), controller.source, controller.sink)
        await Peripheral(radio, state, gate, say, lie).serve(lambda: say('ready'))


async def bumble(state, gate, lie, socket):
    """Phone and relay, each on a controller of bumble's, on one air."""
    from bumble.link import LocalLink
    from gatt import Peripheral, Relay, device
    air = LocalLink()
    phone = Peripheral(device(air, 'phone', 'F0:F1:F2:F3:F4:F5'), state, gate, say, lie)
    relay = Relay(device(air, 'relay', 'F5:F4:F3:F2:F1:F0'), socket)
    socket.unlink(missing_ok=True)
    try:
        await asyncio.gather(phone.serve(lambda: None), relay.serve(lambda: say('ready')))
    finally:
        socket.unlink(missing_ok=True)


def status(state):
    say(f'bound {state.bound["display_name"] if state.bound else "to nobody"}')
    reference = state.reference
    if reference is None:
        say('enrolled nothing')
    else:
        say(f'enrolled a face of {decode(decode(reference[2]).value[2])[4]}')
    say(f'receipts {len(state.receipts)}')


def uses(state):
    for receipt in state.receipts:
        body = check(state, receipt)
        say(f'use {body[1]} {body[2]} {body.get(7, "-")} verified=true')


def renew(state):
    body = {'certificate_request': b64(server.request(state.key))}
    credentials = state.server.post('/v1/certificates/renewal', body)
    state.kept['bound']['credentials'] = credentials
    state.save()
    keep(state, credentials)
    say(f'renewed until {credentials["expires_at"]}')


def erase(state):
    face, state.reference = state.reference is not None, None
    answer = state.server.post('/v1/phones/self/erasure', {})
    receipt = from_b64(answer['receipt'])
    check(state, receipt)
    state.keep(receipt)
    say(f'erased face={"true" if face else "false"} told=Now')


def main(folder, command, *arguments):
    commands = {'bind': bind, 'run': run, 'status': status, 'uses': uses, 'renew': renew, 'erase': erase}
    try:
        commands[command](State(folder), *arguments)
    except (Refused, Invalid, OSError) as error:
        print(f'{type(error).__name__}: {error}', file=sys.stderr)
        sys.exit(1)


main(*sys.argv[1:])

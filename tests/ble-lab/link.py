"""The radio without the tap: `imp-radio` at both ends."""
import json
import os

from hospital import program
from process import Running, run
from stack import PHONE, WORKSTATION, set_powered
from told import Failed, expect, say, uptime

# Frames in a row of `imp-radio visits`.
ROW = 40
# What BlueZ is told to negotiate, and how many bytes are sent each way: 500 bytes and their three are the most that is used. BlueZ sets
# what it is told before its socket is one of LE, and the kernel refuses less than 48 there.
MTUS = {48: 12_000, 64: 20_000, 185: 60_000, 247: 60_000, 517: 100_000}
# What frames must carry of what the radio carries raw, and bytes of a value that are not payload: ATT's and ours.
SHARE, ATT, HEAD = 0.7, 3, 11


def link(lab):
    """Connects, and finds the phone again after everything that can happen to either end."""
    phone = start_phone()
    workstation = Running('imp-radio', [program('imp-radio'), 'visits', WORKSTATION, '60'])
    for _ in range(4):
        visited(workstation, 'there and back')
    for what, harm, mend in (
            ('the phone is killed and started again', phone.kill, start_phone),
            ('the workstation\'s radio is off and on', lambda: set_powered(WORKSTATION, False),
             lambda: set_powered(WORKSTATION, True)),
            ('the phone\'s radio is off and on', lambda: set_powered(PHONE, False), lambda: set_powered(PHONE, True)),
            ('bluetoothd is killed and started again', lab.stack.bluetoothd.kill, lab.stack.start_again)):
        harm()
        workstation.line(lambda line: line.startswith('failed: '), since=len(workstation.lines))
        say(f'      {[line for line in workstation.lines if line and line.startswith("failed: ")][-1]}')
        mended = mend()
        phone = mended if isinstance(mended, Running) else phone
        visited(workstation, f'{what}, and they meet again')
    workstation.kill()
    phone.kill()


def start_phone():
    phone = Running('imp-radio', [program('imp-radio'), 'phone', PHONE])
    phone.line(lambda line: line == 'ready')
    return phone


def visited(workstation, text):
    """Waits for the next connection that came about."""
    began = uptime()
    line = workstation.line(lambda line: line.startswith('connected ') and line, since=len(workstation.lines))
    expect(f'{ROW} of {ROW}' in line, f'{text} ({uptime() - began:.1f} s): {line}')


def mtu(lab):
    """The same bytes raw and in frames, at the MTUs that BlueZ is told to negotiate."""
    sizes = os.environ.get('LAB_MTUS', '')
    for size in [int(size) for size in sizes.split()] or MTUS:
        lab.stack.configure(GATT={'ExchangeMTU': size})
        lab.stack.bluetoothd.kill()
        lab.stack.start_again()
        phone = start_phone()
        measured(size, MTUS.get(size, 60_000))
        phone.kill()
    lab.stack.configure(GATT={})
    lab.stack.bluetoothd.kill()
    lab.stack.start_again()


def measured(size, length):
    status, output, complaints = run([program('imp-radio'), 'speed', WORKSTATION, str(length)], patience=180)
    if status != 0:
        raise Failed(f'MTU {size}: {output}{complaints}')
    seen = json.loads(output.splitlines()[-1])
    expect(seen['mtu'] == min(size, 503), f'BlueZ was told {size}, and {seen["mtu"]} is what frames are cut for')
    used = seen['mtu'] - ATT
    least = min(SHARE, 0.9 * (used - HEAD) / used)
    for way in ('up', 'down'):
        raw, framed = seen[f'raw_{way}'], seen[f'link_{way}']
        share = framed['bytes_a_second'] / raw['bytes_a_second']
        text = (f'MTU {size} {way}: raw {raw["bytes_a_second"] / 1000:.1f} kB/s ({raw["lost"]} frames lost), '
                f'in frames {framed["bytes_a_second"] / 1000:.1f} kB/s: {100 * share:.0f} %')
        expect(share >= least, text)

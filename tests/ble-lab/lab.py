"""Plays scenarios in the lab's machine: lab.py SCENARIO…"""
import sys

import sniffed
from crowd import CROWD, crowd, slots
from hospital import STAGE, Hospital, Phone
from link import link, mtu
from measured import taps
from process import PATIENCE
from stack import Stack
from stranger import Stranger
from told import Failed, expect, say
from trouble import MASKED, accepted, faults, killed, press, radio, restart, taps_out

ENROLLED = 'obama.jpg'
TRACE = '/share/air.btsnoop'
SCENARIOS = {
    'link': link, 'mtu': mtu, 'radio': radio, 'restart': restart, 'killed': killed, 'faults': faults,
    'crowd': crowd, 'slots': slots, 'taps': taps,
}
# Those that need air that can be changed, between kernel and controllers.
MEDDLED = {'crowd', 'faults'}
# As a hospital sets its Linux phones: private addresses, and a name that says nothing.
PRIVATE = {'General': {'Privacy': 'device', 'Name': 'phone'}}


class Lab:
    """Everything that the scenarios share."""

    def __init__(self, names):
        settings = dict(PRIVATE) if 'slots' in names else {}
        self.stack = Stack(CROWD if MEDDLED & set(names) else None, settings)
        self.stack.offers_controllers = 'bumble' in names
        self.hospital, self.phone = Hospital(), Phone()
        self.is_open = False

    def open(self):
        """Starts server and workstation, and enrols a person, once."""
        if self.is_open:
            return
        self.is_open = True
        self.hospital.open()
        self.hospital.camera_sees(ENROLLED)
        enrolled = self.hospital.enrol('ada', self.phone)
        expect(enrolled['receipt_delivered'] is True, 'a person is enrolled over the radio, and her phone has the receipt')

    def finish(self):
        if self.is_open:
            self.phone.stop()
            self.hospital.close()


def tap(lab):
    """Taps in with a mask, and out, before a sniffer."""
    sniffer = lab.stack.sniff(TRACE)
    lab.open()
    lab.hospital.near('ada')
    lab.hospital.camera_sees(MASKED)
    report, _ = press(lab)
    accepted(report, 'she taps in, with a mask on')
    taps_out(lab)
    uses = lab.phone.ask('uses')
    expect('ALARM' not in uses, 'her phone lists what her face was used for')
    sniffer.terminate()
    sniffer.wait(PATIENCE)
    sniffed.check(TRACE, sniffed.personal(STAGE))


SCENARIOS['tap'] = tap


def bumble(lab):
    """A phone that uses none of our code, on another Bluetooth stack, is enrolled, and taps in and out. In a boot of its own."""
    if lab.is_open:
        raise Failed('bumble enrols a phone of its own: play it alone')
    lab.phone = Stranger()
    lab.open()
    lab.hospital.near('ada')
    lab.hospital.camera_sees(MASKED)
    report, _ = press(lab)
    accepted(report, 'she taps in by a phone with another Bluetooth stack')
    taps_out(lab)
    uses = lab.phone.ask('uses')
    expect(uses.count(' tap-accepted ') == 2, 'and that phone has proven both receipts')


SCENARIOS['bumble'] = bumble


def main(names):
    lab, status = Lab(names), 0
    try:
        lab.stack.start()
        for name in names:
            say(f'scenario {name}')
            SCENARIOS[name](lab)
        lab.finish()
    except Failed as failure:
        say(f'FAILED: {failure}')
        status = 1
    say(f'ends with {status}')
    sys.exit(status)


main(sys.argv[1:])

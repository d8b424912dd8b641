"""Plays scenarios in the lab's machine: lab.py SCENARIO…"""
import sys
import threading

from hospital import Hospital, Phone
from process import eventually
from stack import PHONE, WORKSTATION, Stack, bus, set_powered
from told import Failed, expect, say, uptime

MASKED, UNMASKED = 'obama3-masked.jpg', 'obama3.jpg'
ENROLLED = 'obama.jpg'


class Lab:
    """Everything that the scenarios share."""

    def __init__(self):
        self.stack, self.hospital, self.phone = Stack(), Hospital(), Phone()

    def set_up(self):
        self.stack.start()
        self.sniffer = self.stack.sniff('/share/air.btsnoop')
        self.hospital.open()
        self.hospital.camera_sees(ENROLLED)
        enrolled = self.hospital.enrol('ada', self.phone)
        expect(enrolled['receipt_delivered'] is True, 'a person is enrolled over the radio, and her phone has the receipt')

    def finish(self):
        self.phone.stop()
        self.hospital.close()


def steps(report):
    for step in report['steps']:
        say(f'      {step["name"]:<22}{step["micros"] / 1000:9.1f} ms')


def accepted(report, text):
    if report['outcome'] != 'accepted':
        raise Failed(f'{text}: {report}')
    expect(True, text)
    steps(report)


def tap(lab):
    """Taps in with a mask, and out."""
    lab.hospital.near('ada')
    lab.hospital.camera_sees(MASKED)
    accepted(lab.hospital.tap(), 'she taps in, with a mask on')
    accepted(lab.hospital.tap('--purpose', 'tap-out'), 'she taps out')
    uses = lab.phone.ask('uses')
    expect('ALARM' not in uses, 'her phone lists what her face was used for')


def press(lab):
    """A press on the screen: the report, and how long it took, by the machine's clock."""
    began = uptime()
    report = lab.hospital.request({'do': 'tap', 'intent': 'screen'}, patience=120)
    return report, uptime() - began


def refused(lab, text, within):
    report, seconds = press(lab)
    expect(report.get('outcome') == 'abandoned' and report.get('reason') in ('phone-unreachable', 'no-phone'),
           f'{text}: “{report.get("reason")}” after {seconds:.1f} s ({report.get("detail", "no detail")})')
    expect(seconds < within, f'that took less than {within} s')


def recovers(lab, text):
    began = uptime()
    lab.hospital.near('ada', patience=90)
    say(f'      her phone is near again after {uptime() - began:.1f} s')
    report, _ = press(lab)
    accepted(report, text)
    accepted(lab.hospital.request({'do': 'tap', 'intent': 'screen', 'purpose': 'tap-out'}, 120), 'and she taps out')


def radio(lab):
    """The workstation's radio is switched off in the settings, and on again."""
    lab.hospital.camera_sees(MASKED)
    lab.hospital.near('ada')
    set_powered(WORKSTATION, False)
    refused(lab, 'the radio is off', within=30)
    set_powered(WORKSTATION, True)
    recovers(lab, 'the radio is on again, and she taps in')


def restart(lab):
    """bluetoothd dies and comes back: workstation and phone find each other again by themselves."""
    lab.hospital.camera_sees(MASKED)
    lab.hospital.near('ada')
    lab.stack.bluetoothd.kill()
    refused(lab, 'bluetoothd is gone', within=30)
    lab.stack.start_bluetoothd()
    for adapter in (WORKSTATION, PHONE):
        eventually(f'{adapter} is on', lambda name=adapter: set_powered(name, True))
    recovers(lab, 'bluetoothd is back, and she taps in')


def killed(lab):
    """The phone's program dies in the middle of a conversation; its link stays up, and only the heartbeat tells."""
    lab.hospital.camera_sees(MASKED)
    lab.hospital.near('ada')
    pressed = {}
    thread = threading.Thread(target=lambda: pressed.update(report=press(lab)))
    thread.start()
    connected = ('--dest=org.bluez', '/', 'org.freedesktop.DBus.ObjectManager.GetManagedObjects')
    eventually('a link', lambda: 'string "Connected"\n               variant                   boolean true' in bus(*connected), pause=0)
    lab.phone.kill()
    thread.join(150)
    report, seconds = pressed['report']
    expect(report.get('reason') == 'phone-unreachable', f'the phone died: “{report.get("reason")}” after {seconds:.1f} s')
    lab.phone.start()
    recovers(lab, 'the phone is started again, and she taps in')


SCENARIOS = {'tap': tap, 'radio': radio, 'restart': restart, 'killed': killed}


def main(names):
    lab, status = Lab(), 0
    try:
        lab.set_up()
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

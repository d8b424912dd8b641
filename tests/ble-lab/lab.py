"""Plays scenarios in the lab's machine: lab.py SCENARIO…"""
import sys
import threading

import sniffed
from hospital import Hospital, Phone, program
from process import PATIENCE, Running, eventually
from stack import PHONE, WORKSTATION, Stack, bus, set_powered
from told import Failed, expect, say, uptime

MASKED, UNMASKED = 'obama3-masked.jpg', 'obama3.jpg'
ENROLLED = 'obama.jpg'
TRACE = '/share/air.btsnoop'
# What nobody who listens may read: people, places, machines, trust domain.
PERSONAL = ('Ada', 'Olga', 'Ward 3', 'spiffe')
# Frames in a row of `imp-radio`.
ROW = 40


class Lab:
    """Everything that the scenarios share."""

    def __init__(self):
        self.stack, self.hospital, self.phone = Stack(), Hospital(), Phone()
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


def steps(report):
    for step in report['steps']:
        say(f'      {step["name"]:<22}{step["micros"] / 1000:9.1f} ms')


def accepted(report, text):
    if report['outcome'] != 'accepted':
        raise Failed(f'{text}: {report}')
    expect(True, text)
    steps(report)


def tap(lab):
    """Taps in with a mask, and out, before a sniffer."""
    sniffer = lab.stack.sniff(TRACE)
    lab.open()
    lab.hospital.near('ada')
    lab.hospital.camera_sees(MASKED)
    accepted(lab.hospital.tap(), 'she taps in, with a mask on')
    accepted(lab.hospital.tap('--purpose', 'tap-out'), 'she taps out')
    uses = lab.phone.ask('uses')
    expect('ALARM' not in uses, 'her phone lists what her face was used for')
    sniffer.terminate()
    sniffer.wait(PATIENCE)
    sniffed.check(TRACE, PERSONAL)


def link(lab):
    """The radio without what goes over it: connects, and finds the phone again after everything that can happen to either end."""
    phone = start_radio_phone()
    workstation = Running('imp-radio', [program('imp-radio'), 'workstation', WORKSTATION, '60'])
    for _ in range(3):
        visited(workstation, 'there and back')
    for what, harm, mend in (
            ('the phone is killed and started again', phone.kill, start_radio_phone),
            ('the workstation\'s radio is off and on', lambda: set_powered(WORKSTATION, False),
             lambda: set_powered(WORKSTATION, True)),
            ('the phone\'s radio is off and on', lambda: set_powered(PHONE, False), lambda: set_powered(PHONE, True)),
            ('bluetoothd is killed and started again', lab.stack.bluetoothd.kill, lab.stack.start_again)):
        harm()
        workstation.line(lambda line: line.startswith('failed: '), since=len(workstation.lines))
        say(f'      {[line for line in workstation.lines if line.startswith("failed: ")][-1]}')
        phone = mend() or phone
        visited(workstation, f'{what}, and they meet again')
    workstation.kill()
    if isinstance(phone, Running):
        phone.kill()


def start_radio_phone():
    phone = Running('imp-radio', [program('imp-radio'), 'phone', PHONE])
    phone.line(lambda line: line == 'ready')
    return phone


def visited(workstation, text):
    """Waits for the next connection that came about."""
    began = uptime()
    line = workstation.line(lambda line: line.startswith('connected ') and line, since=len(workstation.lines))
    expect(f'{ROW} of {ROW}' in line, f'{text} ({uptime() - began:.1f} s): {line}')


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
    lab.open()
    lab.hospital.camera_sees(MASKED)
    lab.hospital.near('ada')
    set_powered(WORKSTATION, False)
    refused(lab, 'the radio is off', within=30)
    set_powered(WORKSTATION, True)
    recovers(lab, 'the radio is on again, and she taps in')


def restart(lab):
    """bluetoothd dies and comes back: workstation and phone find each other again by themselves."""
    lab.open()
    lab.hospital.camera_sees(MASKED)
    lab.hospital.near('ada')
    lab.stack.bluetoothd.kill()
    refused(lab, 'bluetoothd is gone', within=30)
    lab.stack.start_again()
    recovers(lab, 'bluetoothd is back, and she taps in')


def killed(lab):
    """The phone's program dies in the middle of a conversation; its link stays up, and only the heartbeat tells."""
    lab.open()
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


SCENARIOS = {'link': link, 'tap': tap, 'radio': radio, 'restart': restart, 'killed': killed}


def main(names):
    lab, status = Lab(), 0
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

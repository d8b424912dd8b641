"""What goes wrong on a ward: each time a clear error within bounded time, then recovery without anybody's help."""
import threading

from process import eventually
from stack import PHONE, WORKSTATION, linked, received, set_powered
from told import expect, say, uptime

MASKED = 'obama3-masked.jpg'
# How a workstation says that it cannot reach her phone.
UNREACHABLE = ('phone-unreachable', 'no-phone')
# The longest that a person looks at a press that comes to nothing.
PATIENCE = 30


def accepted(report, text):
    """Says that a tap was accepted, and how long its steps took."""
    expect(report['outcome'] == 'accepted', text if report['outcome'] == 'accepted' else f'{text}: {report}')
    steps = (f'{step["name"]} {step["micros"] / 1000:.0f}' for step in report['steps'])
    say(f'      {", ".join(steps)} ms')


def press(lab, **more):
    """A press on the screen: the report, and how long it took, by the machine's clock."""
    began = uptime()
    report = lab.hospital.request({'do': 'tap', 'intent': 'screen', **more}, patience=120)
    return report, uptime() - began


def refused(lab, text, within=PATIENCE):
    not_now(press(lab), text, within)


def not_now(pressed, text, within=PATIENCE):
    report, seconds = pressed
    expect(report.get('outcome') == 'abandoned' and report.get('reason') in UNREACHABLE,
           f'{text}: “{report.get("reason")}” after {seconds:.1f} s ({report.get("detail") or "no detail"})')
    expect(seconds < within, f'that took less than {within} s')


def recovers(lab, text, within=60):
    """She presses until she is let in: every press before is answered with a reason, and nobody helps."""
    began = uptime()
    lab.hospital.near('ada', patience=within)
    while True:
        report, seconds = press(lab)
        if report['outcome'] == 'accepted' or uptime() - began > within:
            break
        expect(report.get('reason') in UNREACHABLE,
               f'not yet: “{report.get("reason")}” after {seconds:.1f} s ({report.get("detail")})')
    accepted(report, f'{text}, {uptime() - began:.1f} s later')
    taps_out(lab)


def taps_out(lab):
    report, _ = press(lab, purpose='tap-out')
    accepted(report, 'and she taps out')


def stands_ready(lab):
    lab.open()
    lab.hospital.camera_sees(MASKED)
    lab.hospital.near('ada')


def radio(lab):
    """The workstation's radio is switched off in the settings, and on again."""
    stands_ready(lab)
    set_powered(WORKSTATION, False)
    refused(lab, 'the radio is off')
    set_powered(WORKSTATION, True)
    recovers(lab, 'the radio is on again, and she taps in')


def restart(lab):
    """bluetoothd dies and comes back: workstation and phone find each other again by themselves."""
    stands_ready(lab)
    lab.stack.bluetoothd.kill()
    refused(lab, 'bluetoothd is gone')
    lab.stack.start_again()
    recovers(lab, 'bluetoothd is back, and she taps in')


def meanwhile(lab, harm):
    """Presses, does harm, and returns what came of the press."""
    pressed = []
    thread = threading.Thread(target=lambda: pressed.append(press(lab)), daemon=True)
    before = received(PHONE)
    thread.start()
    harm(before)
    thread.join(150)
    expect(bool(pressed), 'the press was answered')
    return pressed[0]


def killed(lab):
    """The phone's program dies in the middle of a conversation, within a message: the link stays up, and only the heartbeat tells."""
    stands_ready(lab)
    eventually('no link is left', lambda: not linked(WORKSTATION))

    def harm(before):
        # Some for what the phone offers, then what the workstation says first, which takes several frames.
        eventually('a conversation', lambda: received(PHONE) >= before + 14, pause=0)
        lab.phone.kill()

    not_now(meanwhile(lab, harm), 'the phone\'s program died')
    lab.phone.start()
    recovers(lab, 'the phone\'s program is started again, and she taps in')


def faults(lab):
    """Bytes are dropped and delayed between the controllers; then the phone is gone in the middle of a frame."""
    stands_ready(lab)
    for words, text in (('loss 0.1', 'a tenth of all frames is lost, and she taps in'),
                        ('delay 60', 'a tenth is lost, and all are late by 60 ms')):
        lab.stack.change_air(words)
        report, _ = press(lab)
        accepted(report, text)
        taps_out(lab)
    lab.stack.change_air('loss 0')
    lab.stack.change_air('delay 0')
    for packets in (3, 45):
        lab.hospital.near('ada')
        eventually('no link is left', lambda: not linked(WORKSTATION))
        cut = f'cut {packets}'
        not_now(meanwhile(lab, lambda before, cut=cut: lab.stack.change_air(cut)),
                f'after {packets} packets of a press her phone is out of reach')
        lab.stack.change_air('back')
        recovers(lab, 'her phone is in reach again, and she taps in')

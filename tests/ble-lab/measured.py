"""Taps, many times: how long each step takes over BlueZ, and over the emulated radio in the same machine."""
import os

from hospital import STAGE, write
from process import eventually
from stack import WORKSTATION, linked
from told import expect, say
from trouble import press, stands_ready

TIMES = int(os.environ.get('LAB_TAPS', '30'))
STEPS = ('find-phone', 'prefetch', 'ble-connect', 'tls', 'request', 'capture', 'compare', 'submit', 'unlock', 'total')


def taps(lab):
    """Press → unlocked, thirty times, then as often without the radio."""
    stands_ready(lab)
    rows = [('BlueZ', *taps_of(lab, lambda: eventually('no link is left', lambda: not linked(WORKSTATION))))]
    if lab.hospital.emulates(lab.phone):
        lab.hospital.near('ada')
        rows.append(('emulated', *taps_of(lab, lambda: None)))
    else:
        say('      release builds have no emulated radio: `LAB_BIN=target/debug` compares the two')
    for name, ins, outs in rows:
        table(f'{name}: tap in', ins)
        table(f'{name}: tap out, at once', outs)


def taps_of(lab, before):
    """The steps of taps in, and of the taps out that follow at once."""
    ins, outs = [], []
    for _ in range(TIMES):
        before()
        for kept, more in ((ins, {}), (outs, {'purpose': 'tap-out'})):
            report, seconds = press(lab, **more)
            expect(report['outcome'] == 'accepted', f'let in or out in {seconds:.2f} s'
                   if report['outcome'] == 'accepted' else str(report))
            kept.append({step['name']: step['micros'] / 1000 for step in report['steps']})
    return ins, outs


def table(title, reports):
    say(f'  {title}, {len(reports)} times, ms of this machine\'s time')
    for name in STEPS:
        times = sorted(report.get(name, 0.0) for report in reports)
        say(f'      {name:<12} p50 {percentile(times, 50):8.1f}   p95 {percentile(times, 95):8.1f}   '
            f'longest {times[-1]:8.1f}')


def percentile(times, share):
    """The smallest time that so many of a hundred do not exceed (nearest rank)."""
    return times[max(0, -(-len(times) * share // 100) - 1)]

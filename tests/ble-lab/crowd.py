"""Many phones near, and who listens to them."""
import os
import subprocess
import time

import sniffed
from hospital import STAGE
from process import PATIENCE, eventually, succeed
from stack import PHONE, WORKSTATION, linked
from told import expect, say, uptime
from trouble import accepted, press, stands_ready, taps_out

CROWD = 20
# How long an idle agent is looked at.
WATCHED = 60
SLOT = 15 * 60
# How long a private address lives here, in seconds.
ADDRESS = 60
TRACE = '/share/slots.btsnoop'


def crowd(lab):
    """Twenty phones of others advertise beside hers: hers is recognised, and she taps in."""
    stands_ready(lab)
    strangers = lambda: lab.hospital.status()['unknown_phones']
    eventually(f'{CROWD} others are heard', lambda: strangers() >= CROWD)
    expect(True, f'the workstation hears {strangers()} phones that it does not know, and hers')
    lab.hospital.near('ada')
    report, _ = press(lab)
    accepted(report, f'she taps in among {CROWD} others')
    taps_out(lab)
    idle(lab.hospital.agent.child.pid)


def idle(agent, seconds=WATCHED):
    """What the agent costs while nobody presses."""
    began, before = uptime(), cost(agent)
    time.sleep(seconds)
    share = (cost(agent) - before) / (uptime() - began)
    held = memory(agent)
    say(f'      idle with {CROWD} phones near: {100 * share:.2f} % of a processor; {held["VmRSS"]:.0f} MiB resident, '
        f'{held["RssAnon"]:.0f} of them its own and {held["RssFile"]:.0f} of files, which are its program and libraries; '
        f'{held["VmHWM"]:.0f} MiB at the most')
    expect(held['RssAnon'] < 150, 'what is its own is less than 150 MiB')
    return share


def memory(process):
    """What a process holds, in MiB."""
    with open(f'/proc/{process}/status') as lines:
        words = [line.split() for line in lines if line.startswith(('VmRSS', 'VmHWM', 'RssAnon', 'RssFile'))]
    return {name.rstrip(':'): int(kibibytes) / 1024 for name, kibibytes, _ in words}


def cost(process):
    """The seconds of processor time that a process has used."""
    with open(f'/proc/{process}/stat') as file:
        fields = file.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def slots(lab):
    """Taps in two slots of the rotating identifier, before a sniffer."""
    # Private addresses follow the kernel's own clock: here they live for a minute instead of a quarter of an hour.
    succeed(['mount', '-t', 'debugfs', 'debugfs', '/sys/kernel/debug'])
    for adapter in (WORKSTATION, PHONE):
        with open(f'/sys/kernel/debug/bluetooth/{adapter}/rpa_timeout', 'w') as file:
            file.write(str(ADDRESS))
    sniffer = lab.stack.sniff(TRACE)
    stands_ready(lab)
    taps_once(lab)
    eventually('no link is left', lambda: not linked(WORKSTATION))
    subprocess.run(['date', '-s', f'@{int(time.time()) + SLOT}'], check=True, stdout=subprocess.DEVNULL)
    # Until the address of the last slot is given up.
    time.sleep(ADDRESS + 5)
    lab.hospital.near('ada')
    taps_once(lab)
    sniffer.terminate()
    sniffer.wait(PATIENCE)
    lab.phone.stop()
    words = sniffed.personal(STAGE)
    sniffed.check(TRACE, words)
    sniffed.check_slots(TRACE, os.uname().nodename)


def taps_once(lab):
    report, _ = press(lab)
    accepted(report, 'she taps in')
    taps_out(lab)

"""What the lab says, with the seconds since the machine was started."""
import sys


def uptime():
    with open('/proc/uptime') as file:
        return float(file.read().split()[0])


def say(text):
    print(f'[{uptime():6.1f} s] {text}', flush=True)


class Failed(Exception):
    """Something is not as it should be."""


def expect(truth, text):
    """Says that something is as it should be, or fails."""
    if not truth:
        raise Failed(text)
    say(f'  ok  {text}')


def die(text):
    print(f'ble-lab: {text}', file=sys.stderr, flush=True)
    sys.exit(1)

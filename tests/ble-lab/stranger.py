"""A phone that is not ours on the lab's air: tests/foreign/phone, with bumble's host on a controller of btvirt."""
import os

from hospital import BINARIES, LOGS, REPOSITORY, STAGE
from process import Running, succeed

# What btvirt offers to programs, beside the controllers that the kernel has.
CONTROLLER = 'unix:/tmp/bt-server-le'


class Stranger:
    """Bound, started and asked like hospital.Phone."""

    def __init__(self):
        python = os.path.join(os.path.dirname(BINARIES), 'python/bin/python')
        self.program = [python, '-E', '-s', '-B', f'{REPOSITORY}/tests/foreign/phone/phone.py', f'{STAGE}/stranger']
        self.running = None

    def bind(self, invitation):
        succeed([*self.program, 'bind', invitation])

    def start(self):
        command = [*self.program, 'run', STAGE, 'stranger', 'radio', CONTROLLER]
        self.running = Running('a phone in Python', command, log=f'{LOGS}/stranger.log')
        self.running.line(lambda line: line == 'ready')

    def ask(self, *words):
        return succeed([*self.program, *words])

    def stop(self):
        if self.running:
            self.running.stop()
        self.running = None

"""Programs in processes of their own; every wait has an end."""
import os
import signal
import subprocess
import threading
import time

from told import Failed

# The machine is emulated: what takes a second elsewhere may take twenty here.
PATIENCE = 60


class Running:
    """A program that goes on in the background; everything that it prints is kept."""

    def __init__(self, name, command, environment=None, log=None):
        self.name = name
        self.lines = []
        self.changed = threading.Condition()
        self.child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})}, text=True, errors='replace')
        self.log = open(log, 'a') if log else None
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            if self.log:
                self.log.write(line)
                self.log.flush()
            with self.changed:
                self.lines.append(line.rstrip('\n'))
                self.changed.notify_all()
        with self.changed:
            self.lines.append(None)
            self.changed.notify_all()

    def line(self, wanted, patience=PATIENCE, since=0):
        """Waits for a line for which `wanted` gives something, and returns that."""
        until = time.monotonic() + patience
        with self.changed:
            while True:
                for at in range(since, len(self.lines)):
                    line = self.lines[at]
                    if line is None:
                        raise Failed(f'{self.name} ended early:\n{self.said()}')
                    found = wanted(line)
                    if found:
                        return found
                since = len(self.lines)
                left = until - time.monotonic()
                if left <= 0:
                    raise Failed(f'{self.name} did not say it within {patience} s:\n{self.said()}')
                self.changed.wait(left)

    def said(self, last=40):
        return '\n'.join(line for line in self.lines[-last:] if line is not None)

    def is_running(self):
        return self.child.poll() is None

    def signal(self, which):
        if self.is_running():
            self.child.send_signal(which)

    def stop(self):
        self.signal(signal.SIGTERM)
        try:
            self.child.wait(PATIENCE)
        except subprocess.TimeoutExpired as late:
            self.kill()
            raise Failed(f'{self.name} does not end:\n{self.said()}') from late

    def kill(self):
        self.signal(signal.SIGKILL)
        self.child.wait(PATIENCE)


def run(command, patience=PATIENCE, environment=None):
    """Runs a program to its end: its exit status, what it printed, and its complaints."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patience,
            env={**os.environ, **(environment or {})}, errors='replace', check=False)
    except subprocess.TimeoutExpired as late:
        raise Failed(f'{command} took more than {patience} s: {late.output} {late.stderr}') from late
    return done.returncode, done.stdout, done.stderr


def succeed(command, patience=PATIENCE):
    """Runs a program that must succeed; what it printed."""
    status, output, complaints = run(command, patience)
    if status != 0:
        raise Failed(f'{" ".join(command)} ended with {status}:\n{output}{complaints}')
    return output


def eventually(what, ask, patience=PATIENCE, pause=0.1):
    """Asks again until there is an answer."""
    until = time.monotonic() + patience
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() >= until:
            raise Failed(f'{what}: not within {patience} s')
        time.sleep(pause)

"""A server, a workstation and a phone: the real programs, with the real radio."""
import json
import os
import shutil
import socket

from process import PATIENCE, Running, eventually, run, succeed
from stack import PHONE, WORKSTATION
from told import Failed, say

LOGS = os.environ.get('LAB_LOGS', '/tmp')
REPOSITORY, BINARIES = os.environ.get('LAB_REPOSITORY', '.'), os.environ.get('LAB_BIN', '')
FACES = os.path.join(REPOSITORY, 'tests/data/faces')
MODELS = os.environ.get('LAB_MODELS') or os.path.join(REPOSITORY, 'models')
# The same folder on the host, where everything without a radio is prepared, and in the machine, which has a copy of its own.
STAGE = os.environ.get('LAB_STAGE', '')
# Networks that look at a face are some fifty times slower under emulation: people are given time, nothing else changes.
CLIENT = """
models = "{models}"

[telemetry]
filter = "{log}"

[camera]
kind = "folder"
path = "{stage}/camera"

[radio]
kind = "bluez"
adapter = "{adapter}"

[capture]
frames = 1
attempts = 1

[enrolment]
interval_milliseconds = 0

[limits]
tap_seconds = 60
phone_wait_milliseconds = 10000
receipt_seconds = 30
"""


def program(name):
    return os.path.join(BINARIES, name)


class Hospital:
    """A server and one workstation."""

    def __init__(self):
        self.server = None
        self.agent = None

    def prepare(self):
        """What needs no radio: an officer, a nurse, a workstation that is enrolled, and an officer who is signed in at it."""
        for folder in ('camera', 'workstation'):
            os.makedirs(f'{STAGE}/{folder}', mode=0o700)
        listen = f'[http]\nlisten = "127.0.0.1:{free_port()}"\n'
        write(f'{STAGE}/server.toml', f'data = "{STAGE}/server"\n\n{listen}')
        write(f'{STAGE}/workstation/client.toml', CLIENT.format(
            models=MODELS, stage=STAGE, adapter=WORKSTATION,
            log=os.environ.get('LAB_LOG', 'info')))
        self.start_server()
        self.administer('user', 'add', 'olga', '--name', 'Officer Olga', '--role', 'officer')
        self.administer('user', 'add', 'ada', '--name', 'Nurse Ada', '--role', 'staff')
        invitation = last_line(self.administer('workstation', 'add', 'Ward 3 left'))
        self.client('enrol', 'machine', invitation)
        code = last_line(self.administer('user', 'sign-in-code', 'olga'))
        write(f'{STAGE}/code', code)
        self.client('enrol', 'sign-in', '--code-file', f'{STAGE}/code', '--token', f'{STAGE}/token')
        self.close()

    def open(self):
        """Starts the server and the workstation's agent."""
        self.start_server()
        say('the server is up')
        self.start_agent()
        say('the workstation is up')

    def start_server(self):
        self.server = Running('imp-server', self._server('serve'), log=f'{LOGS}/server.log')
        self.server.line(lambda line: line.startswith('listening on '))

    def start_agent(self):
        self.agent = Running('imp-client agent', self._client('agent'), log=f'{LOGS}/agent.log')
        self.agent.line(lambda line: 'listens at' in line)

    def administer(self, *words):
        return succeed(self._server(*words))

    def client(self, *words, patience=PATIENCE):
        return succeed(self._client(*words), patience)

    def camera_sees(self, *names):
        shutil.rmtree(f'{STAGE}/camera')
        os.mkdir(f'{STAGE}/camera')
        for name in names:
            shutil.copy(os.path.join(FACES, name), f'{STAGE}/camera/')

    def begin_enrolment(self, username):
        """The desk, and the invitation that it shows."""
        desk = Running('imp-client enrol person', self._client(
            'enrol', 'person', username, '--officer-token-file', f'{STAGE}/token', '--notice', '2026-11', '--json'))
        return desk, desk.line(lambda line: parsed(line).get('invitation'), patience=180)

    def enrol(self, username, phone, patience=180):
        desk, invitation = self.begin_enrolment(username)
        phone.bind(invitation)
        phone.start()
        return desk.line(lambda line: 'receipt_delivered' in parsed(line) and parsed(line), patience)

    def status(self):
        return self.request({'do': 'status'})

    def request(self, request, patience=PATIENCE):
        """Asks the agent on its socket, as the window does, without the second that starting a program takes here."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(patience)
            connection.connect(f'{STAGE}/workstation/agent.sock')
            connection.sendall(json.dumps(request).encode() + b'\n')
            for line in connection.makefile(encoding='utf-8'):
                answer = parsed(line)
                if answer.get('answer') != 'hint':
                    return answer
        raise Failed(f'the agent did not answer {request}')

    def near(self, *usernames, patience=PATIENCE):
        """Waits until exactly these people's phones are near."""
        def asked():
            return sorted(person['username'] for person in self.status()['near']) == sorted(usernames)
        eventually(f'near: {usernames}', asked, patience, pause=0.5)

    def tap(self, *more, patience=90):
        """Presses; the report of the workstation."""
        _, output, complaints = run(self._client('tap', '--json', *more), patience)
        report = parsed(output)
        if 'outcome' not in report:
            raise Failed(f'imp-client tap answered: {output}{complaints}')
        return report

    def emulates(self, phone):
        """Puts workstation and phone on an emulated radio, if these programs have one."""
        phone.stop()
        self.agent.stop()
        air = self.uses_emulated_air()
        write(f'{phone.state}/phone.toml', f'[radio]\nkind = "emulated"\nair = "{air}"\nname = "hers"\n')
        try:
            phone.start()
        except Failed:
            return False
        self.start_agent()
        return True

    def uses_emulated_air(self):
        """Has the workstation listen in a folder; which."""
        path, air = f'{STAGE}/workstation/client.toml', f'{STAGE}/air'
        with open(path) as file:
            bluez = file.read()
        write(path, bluez.replace(f'kind = "bluez"\nadapter = "{WORKSTATION}"\n', f'kind = "emulated"\nair = "{air}"\n'))
        return air

    def close(self):
        for running in (self.agent, self.server):
            if running:
                running.stop()

    def _server(self, *words):
        return [program('imp-server'), '--config', f'{STAGE}/server.toml', *words]

    def _client(self, *words):
        return [program('imp-client'), '--state', f'{STAGE}/workstation', *words]


class Phone:
    """A phone on the second controller."""

    def __init__(self, name='phone', adapter=PHONE):
        self.name, self.state, self.running = name, f'{STAGE}/{name}', None
        self.adapter = adapter

    def bind(self, invitation):
        os.makedirs(self.state, mode=0o700, exist_ok=True)
        write(f'{self.state}/phone.toml', f'[radio]\nkind = "bluez"\nadapter = "{self.adapter}"\n')
        succeed(self._phone('bind', invitation))

    def start(self):
        level = os.environ.get('LAB_PHONE_LOG', 'info')
        command = [program('imp-phone'), '--state', self.state, '--log', level, 'run']
        self.running = Running('imp-phone', command, log=f'{LOGS}/{self.name}.log')
        self.running.line(lambda line: line.startswith('ready'))

    def ask(self, *words):
        return succeed(self._phone(*words))

    def stop(self):
        if self.running:
            self.running.stop()
        self.running = None

    def kill(self):
        self.running.kill()
        self.running = None

    def _phone(self, *words):
        return [program('imp-phone'), '--state', self.state, *words]


def parsed(text):
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def write(path, text):
    with open(path, 'w') as file:
        file.write(text)


def free_port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def last_line(text):
    return text.rstrip().split('\n')[-1]

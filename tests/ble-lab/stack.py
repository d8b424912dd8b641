"""The machine's Bluetooth: message bus, BlueZ, and two virtual controllers that hear each other."""
import fcntl
import os
import socket
import struct
import subprocess
import sys

from process import Running, eventually, run, succeed
from told import Failed, say

HERE = os.path.dirname(os.path.abspath(__file__))
LOGS = os.environ.get('LAB_LOGS', '/tmp')
CONFIGURATION, CONTROL = '/run/bluetooth.conf', '/run/air'
# Of <bluetooth/hci.h>: asks what a controller is and has done.
HCIGETDEVINFO, ACL_RECEIVED = 0x800448d3, 72
BLUETOOTHD = '/usr/libexec/bluetooth/bluetoothd'
WORKSTATION, PHONE = 'hci0', 'hci1'


def bus(*words):
    """Asks something on the system bus; the answer as text, or nothing."""
    command = ['dbus-send', '--system', '--print-reply', '--reply-timeout=5000', *words]
    status, output, _ = run(command, patience=20)
    return output if status == 0 else ''


def adapters():
    """How many adapters BlueZ shows."""
    answer = bus('--dest=org.bluez', '/', 'org.freedesktop.DBus.ObjectManager.GetManagedObjects')
    return answer.count('"org.bluez.Adapter1"')


def set_powered(adapter, on):
    """Switches an adapter on or off, as a person does in the settings."""
    value = 'variant:boolean:' + ('true' if on else 'false')
    return bus('--dest=org.bluez', f'/org/bluez/{adapter}', 'org.freedesktop.DBus.Properties.Set',
               'string:org.bluez.Adapter1', 'string:Powered', value)


def received(adapter):
    """How many packets of conversations an adapter has received."""
    asked = bytearray(struct.pack('<H', int(adapter.removeprefix('hci'))) + bytes(90))
    with socket.socket(socket.AF_BLUETOOTH, socket.SOCK_RAW, socket.BTPROTO_HCI) as hci:
        fcntl.ioctl(hci, HCIGETDEVINFO, asked)
    return struct.unpack_from('<I', asked, ACL_RECEIVED)[0]


def linked(adapter):
    """Whether an adapter has a link to anybody."""
    return any(name.startswith(f'{adapter}:') for name in os.listdir('/sys/class/bluetooth'))


class Stack:
    """Bus, bluetoothd and controllers. With `crowd`, air.py is between kernel and controllers, and so many phones only advertise.
    `settings` are those of bluetoothd, by section."""

    def __init__(self, crowd=None, settings=None):
        self.bluetoothd = None
        # What the controllers are played by; btvirt itself where air.py is in between.
        self.air = self.server = None
        self.crowd, self.settings = crowd, settings or {}
        # Whether programs with a Bluetooth host of their own may come.
        self.offers_controllers = False

    def configure(self, **sections):
        """Changes settings; they count when bluetoothd is started the next time."""
        self.settings.update(sections)

    def change_air(self, words):
        """Tells air.py what to do."""
        with open(CONTROL, 'w') as control:
            control.write(f'{words}\n')
        self.air.line(lambda line: line == f'air: {words}', since=max(0, len(self.air.lines) - 1))

    def start(self):
        for folder in ('/run/dbus', '/var/lib/dbus', '/var/lib/bluetooth'):
            os.makedirs(folder, exist_ok=True)
        # What this machine knows of the host's radio is none of the lab's business.
        succeed(['mount', '-t', 'tmpfs', 'tmpfs', '/var/lib/bluetooth'])
        if not os.path.exists('/etc/machine-id') or not os.path.getsize('/etc/machine-id'):
            succeed(['dbus-uuidgen', '--ensure=/etc/machine-id'])
        succeed(['dbus-daemon', '--system', '--nopidfile', '--fork'])
        self.start_bluetoothd()
        self.create_controllers()
        self.switch_on()
        say('bus, bluetoothd and two controllers are up')

    def switch_on(self):
        for adapter in (WORKSTATION, PHONE):
            eventually(f'{adapter} is on', lambda name=adapter: set_powered(name, True))

    def start_again(self):
        """Starts a bluetoothd that died."""
        self.start_bluetoothd()
        self.switch_on()

    def start_bluetoothd(self):
        with open(CONFIGURATION, 'w') as file:
            for section, lines in self.settings.items():
                file.write('\n'.join([f'[{section}]', *(f'{key} = {value}' for key, value in lines.items()), '']))
        self.bluetoothd = Running('bluetoothd', [BLUETOOTHD, '-n', '-f', CONFIGURATION, *os.environ.get('LAB_BLUETOOTHD', '').split()],
                                  log=f'{LOGS}/bluetoothd.log')
        owner = ('--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.NameHasOwner', 'string:org.bluez')
        eventually('bluetoothd is on the bus', lambda: 'true' in bus(*owner))

    def create_controllers(self):
        # Making them races with the kernel's first commands to them, and sometimes loses.
        for _ in range(4):
            self.start_air()
            try:
                eventually('two adapters', lambda: adapters() >= 2, patience=15, pause=0.3)
                return
            except Failed:
                self.air.kill()
        raise Failed('btvirt made no two controllers')

    def start_air(self):
        if self.crowd is None:
            offer = ['-s'] if self.offers_controllers else []
            self.air = Running('btvirt', ['btvirt', '-L', '-l2', *offer], log=f'{LOGS}/btvirt.log')
            return
        if not self.server:
            self.server = Running('btvirt', ['btvirt', '-s'], log=f'{LOGS}/btvirt.log')
        eventually('btvirt listens', lambda: os.path.exists('/tmp/bt-server-le'), patience=10)
        if os.path.exists(CONTROL):
            os.remove(CONTROL)
        self.air = Running('air.py', [sys.executable, '-u', f'{HERE}/air.py', CONTROL, str(self.crowd)],
                           log=f'{LOGS}/air.log')

    def sniff(self, file):
        """Writes everything that passes between kernel and controllers to `file`."""
        return subprocess.Popen(['btmon', '-w', file], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)

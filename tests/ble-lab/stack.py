"""The machine's Bluetooth: message bus, BlueZ, and two virtual controllers that hear each other."""
import os
import subprocess

from process import Running, eventually, run, succeed
from told import Failed, say

LOGS = os.environ.get('LAB_LOGS', '/tmp')
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


class Stack:
    """Bus, bluetoothd and controllers."""

    def __init__(self):
        self.bluetoothd = None
        self.air = None

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
        self.bluetoothd = Running('bluetoothd', [BLUETOOTHD, '-n', *os.environ.get('LAB_BLUETOOTHD', '').split()], log=f'{LOGS}/bluetoothd.log')
        owner = ('--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.NameHasOwner', 'string:org.bluez')
        eventually('bluetoothd is on the bus', lambda: 'true' in bus(*owner))

    def create_controllers(self):
        # Making them races with the kernel's first commands to them, and sometimes loses.
        for _ in range(4):
            self.air = Running('btvirt', ['btvirt', '-L', '-l2'], log=f'{LOGS}/btvirt.log')
            try:
                eventually('two adapters', lambda: adapters() >= 2, patience=10, pause=0.3)
                return
            except Failed:
                self.air.kill()
        raise Failed('btvirt made no two controllers')

    def sniff(self, file):
        """Writes everything that passes between kernel and controllers to `file`."""
        return subprocess.Popen(['btmon', '-w', file], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)

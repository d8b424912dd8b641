#!/usr/bin/python3
"""A system bus of its own with logind on it: python-dbusmock's template of logind, and desktops that obey it, or do not.

Usage: logind.py ACCOUNT[:MANNER]…   a session for each, the first one in front. Manners: deaf (says never that it is locked), locked,
tty and greeter (no desktop of somebody), forbidden (logind refuses, as without a polkit rule), idle (for 90 s).
Prints the address of the bus when all is there, and leaves when its standard input ends. Each line that comes in is answered by what the
sessions were told since, session by session: "c0 Lock". It runs on Debian's own Python, for which python3-dbusmock is made.
"""
import os
import subprocess
import sys
import time

import dbus
import dbusmock

LOGIN = "org.freedesktop.login1"
SEAT = f"{LOGIN}.Seat"
SESSION = f"{LOGIN}.Session"
REFUSED = "raise dbus.exceptions.DBusException('not authorised', name='org.freedesktop.DBus.Error.AccessDenied')"


def serve():
    """Starts the bus and logind; gives the address and what was started."""
    pipe = {"stdout": subprocess.PIPE, "text": True}
    daemon = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"],
                              stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **pipe)
    address = daemon.stdout.readline().strip()
    os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = address
    mock = subprocess.Popen([sys.executable, "-m", "dbusmock", "--system", "--template", "logind"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return address, [mock, daemon]


def wait_for(bus):
    """Logind takes its name, and then its template."""
    for _ in range(500):
        if bus.name_has_owner(LOGIN):
            manager = bus.get_object(LOGIN, "/org/freedesktop/login1")
            try:
                manager.ListSessions(dbus_interface=f"{LOGIN}.Manager")
                return manager
            except dbus.DBusException:
                pass
        time.sleep(0.02)
    sys.exit("logind did not come")


def add_session(bus, manager, number, words):
    """A session whose desktop locks and opens when it is asked, unless its manners are others."""
    account, *manners = words.split(":")
    name = f"c{number}"
    path = manager.AddSession(name, "seat0", dbus.UInt32(1000 + number), account, number == 0, dbus_interface=dbusmock.MOCK_IFACE)
    session = bus.get_object(LOGIN, path)
    mock = dbus.Interface(session, dbusmock.MOCK_IFACE)
    mock.UpdateProperties(SESSION, {
        "Type": "tty" if "tty" in manners else "wayland",
        "Class": "greeter" if "greeter" in manners else "user",
        "LockedHint": "locked" in manners,
        "IdleHint": "idle" in manners,
        "IdleSinceHint": dbus.UInt64((time.time() - 90) * 1e6),
    })
    for method, locked in (("Lock", True), ("Unlock", False)):
        code = f'self.UpdateProperties("{SESSION}", {{"LockedHint": dbus.Boolean({locked})}})'
        mock.AddMethod(SESSION, method, "", "", REFUSED if "forbidden" in manners else "" if "deaf" in manners else code)
    seat = 'objects["/org/freedesktop/login1/seat/seat0"]'
    to_front = f'{seat}.Set("{SEAT}", "ActiveSession", ("{name}", dbus.ObjectPath("{path}")))'
    mock.AddMethod(SESSION, "Activate", "", "", to_front)
    return name, mock, path


def main():
    """Until the standard input ends."""
    address, processes = serve()
    try:
        bus = dbus.bus.BusConnection(address)
        manager = wait_for(bus)
        sessions = [add_session(bus, manager, *each) for each in enumerate(sys.argv[1:])]
        if sessions:
            sessions[0][1].Activate(dbus_interface=SESSION)
            sessions[0][1].ClearCalls()
        else:
            manager.AddSeat("seat0", dbus_interface=dbusmock.MOCK_IFACE)
        print(address, flush=True)
        for _ in sys.stdin:
            told = []
            for name, mock, _ in sessions:
                told += [f"{name} {method}" for _, method, _ in mock.GetCalls() if method in ("Lock", "Unlock", "Activate")]
                mock.ClearCalls()
            print(", ".join(told), flush=True)
    finally:
        for process in processes:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()

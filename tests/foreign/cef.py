"""Judges CEF events, one a line, by two packages: pycef reads them, cefevent checks every key, type and length against the
standard's dictionary. Prints, for each event, its type and the pairs that were read, as JSON."""
import json
import sys

import pycef
from cefevent.event import CEFEvent
from cefevent.extensions import extension_dictionary

REJECTED = 3
# What CEF's header holds, and the one key of the standard's dictionary that cefevent lacks.
UNCHECKED = ("CEFVersion", "DeviceName", "DeviceSeverity", "outcome")
WANTED = ("rt", "externalId", "cn1", "act", "outcome")


def pairs(line):
    """What pycef reads, without its replacing of custom fields by their labels."""
    fields = pycef.parse(line.replace("Label=", "Lbl="))
    if fields is None:
        return None
    return {name.replace("Lbl", "Label"): unescaped(value) for name, value in fields.items()}


def unescaped(value):
    read, letters = [], iter(value)
    for letter in letters:
        if letter == "\\":
            letter = next(letters, "")
            letter = {"n": "\n", "r": "\r"}.get(letter, letter)
        read.append(letter)
    return "".join(read)


def faults(line, read):
    fields = pairs(line)
    if not fields:
        yield "pycef cannot read it"
        return
    prefixes = "DeviceVendor", "DeviceProduct", "DeviceVersion", "DeviceEventClassID", "Name", "Severity"
    for name in prefixes + WANTED:
        if not fields.get(name):
            yield f"there is no {name}"
    event = CEFEvent(strict=True)
    event.set_prefix("severity", int(fields["Severity"]))
    for name, value in fields.items():
        if name in prefixes + UNCHECKED:
            continue
        try:
            # By its full name, a zero counts too.
            known = extension_dictionary.get(name, {"full_name": name})
            event.set_field(known["full_name"], int(value) if name == "cn1" else value)
        except ValueError as error:
            yield f"cefevent: {name}: {str(error).splitlines()[0]}"
    read.append(fields)


def main():
    found, read = [], []
    for number, line in enumerate(sys.stdin, start=1):
        try:
            found += [f"line {number}: {fault}" for fault in faults(line.rstrip("\n"), read)]
        except (ValueError, KeyError, TypeError) as error:
            found.append(f"line {number}: {type(error).__name__}: {error}")
    print("\n".join(found) or json.dumps(read))
    return REJECTED if found or not read else 0


sys.exit(main())

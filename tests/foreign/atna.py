"""Judges ATNA messages, one a line: the header by syslog-rfc5424-parser, the audit message by lxml against a RELAX NG of
DICOM PS3.15 A.5.1, and what ITI-20 asks beyond both. Prints the type of every event it accepted."""
import pathlib
import sys

from lxml import etree
from syslog_rfc5424_parser import ParseError, SyslogMessage

REJECTED = 3
SCHEMA = etree.RelaxNG(file=str(pathlib.Path(__file__).with_name("audit-message.rng")))
MARK = b"\xef\xbb\xbf"
# Event identifiers and types of PS3.16, CID 400 and CID 401.
EVENTS = {f"1101{number:02}" for number in range(15)}
TYPES = {f"1101{number}" for number in range(20, 43)}
PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def faults(line, seen):
    header, mark, body = line.partition(MARK)
    if not mark:
        yield "no byte order mark before the message"
        return
    try:
        message = SyslogMessage.parse((header + b"-").decode("ascii"))
    except (ParseError, UnicodeDecodeError) as error:
        yield f"RFC 5424: {error}"
        return
    if message.facility.name != "authpriv" or message.msgid != "IHE+RFC-3881":
        yield f"ITI-20: {message.facility.name}, {message.msgid}"
    if message.hostname in (None, "-") or message.appname in (None, "-"):
        yield "nobody sends it"
    try:
        document = etree.fromstring(body, PARSER)
    except etree.XMLSyntaxError as error:
        yield f"XML: {error}"
        return
    if not SCHEMA.validate(document):
        for error in SCHEMA.error_log:
            yield f"PS3.15: {error.message}"
        return
    yield from beyond(document, message)
    seen.append(document.xpath("string(EventIdentification/EventTypeCode[last()]/@csd-code)"))


def beyond(document, message):
    event = document.find("EventIdentification")
    if event.find("EventID").get("csd-code") not in EVENTS:
        yield "the event is not in CID 400"
    for kind in event.findall("EventTypeCode"):
        if kind.get("codeSystemName") == "DCM" and kind.get("csd-code") not in TYPES:
            yield "the type of event is not in CID 401"
    if event.get("EventDateTime")[:19] != message.timestamp[:19]:
        yield "header and message tell different times"
    if not document.xpath("ActiveParticipant[@UserIsRequestor='true']"):
        yield "nobody requested it"


def main():
    found, seen = [], []
    for number, line in enumerate(sys.stdin.buffer, start=1):
        found += [f"line {number}: {fault}" for fault in faults(line.rstrip(b"\n"), seen)]
    print("\n".join(found or seen))
    return REJECTED if found or not seen else 0


sys.exit(main())

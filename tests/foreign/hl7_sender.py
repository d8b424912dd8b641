"""A device that sends results as HL7 v2 over MLLP, of the library `hl7`. Usage: hl7_sender.py PORT
Sends one message for each line of its standard input, `CONTROL-ID VALUE`, and prints what is answered: `CODE CONTROL-ID REASON`."""
import sys

import hl7
from hl7.client import MLLPClient

TEMPLATE = (
    "MSH|^~\\&|LAB|HOSP|EHR|HOSP|20261122080000||ORU^R01^ORU_R01|{id}|P|2.5.1\r"
    "PID|1||4711^^^HOSP\r"
    "OBR|1|||2345-7^GLUCOSE^LN\r"
    "OBX|1|NM|2345-7^GLUCOSE^LN||{value}|mmol/L|||||F\r"
)

with MLLPClient("127.0.0.1", int(sys.argv[1])) as client:
    client.socket.settimeout(60)
    for line in sys.stdin:
        name, value = line.split()
        message = hl7.parse(TEMPLATE.format(id=name, value=value))
        answer = client.send_message(message)
        if not answer:
            print("closed", flush=True)
            break
        acknowledgement = hl7.parse(answer.strip(b"\x0b\x1c\r").decode())
        result = acknowledgement.segment("MSA")
        reason = str(result[3]) if len(result) > 3 else ""
        print(result[1], result[2], reason, flush=True)

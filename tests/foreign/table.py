"""Judges a table of events by Python's csv module in its strict form. Prints the records, as JSON."""
import csv
import io
import json
import sys

REJECTED = 3
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def main():
    text = sys.stdin.buffer.read().decode("utf-8")
    found = []
    rows = []
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        found.append(f"csv: {error}")
    header = rows[0] if rows else []
    if len(rows) < 2 or header[:4] != ["index", "event_id", "at", "type"]:
        found.append("no header, or no record")
    if text.count("\r\n") != len(rows) or text.count("\n") != len(rows):
        found.append("a record is not a line that ends with CR LF")
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            found.append(f"record {number} has {len(row)} cells instead of {len(header)}")
        found += [f"record {number}: a formula: {cell!r}" for cell in row if cell.startswith(FORMULA)]
        try:
            json.loads(row[-1])
        except (ValueError, IndexError):
            found.append(f"record {number}: the details are not JSON")
    print("\n".join(found) or json.dumps([dict(zip(header, row)) for row in rows[1:]]))
    return REJECTED if found else 0


sys.exit(main())

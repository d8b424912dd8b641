"""Accepts `hello` on standard input if every pinned package is there in the pinned version."""
import pathlib
import re
import sys
from importlib import metadata

REJECTED = 3

files = ["requirements.txt", "requirements-any-python.txt"]
requirements = "".join(pathlib.Path(__file__).with_name(name).read_text() for name in files)
pinned = re.findall(r"^([A-Za-z0-9._-]+)==([^ \\]+)", requirements, flags=re.MULTILINE)
wrong = []
for name, version in pinned:
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        found = "nothing"
    if found != version:
        wrong.append(f"{name}: {found} instead of {version}")
print("\n".join(wrong) or f"{len(pinned)} packages")
sys.exit(REJECTED if wrong or sys.stdin.read() != "hello" else 0)

"""Checks a log with aics-tlog, which shares no line with ours.

tlog.py FOLDER VKEY [WITNESS_VKEY]: the folder holds what the server serves (checkpoint, tile/…), earlier checkpoints as
earlier/*, and the server's own proofs as inclusion.json and consistency.json. With a witness, it must have cosigned the
checkpoint. Ends with 0 when everything holds, with 3 when something does not.
"""
import base64
import json
import pathlib
import sys

from aics_tlog import (
    FileSystemTileReader,
    TileMissingError,
    TileVerificationError,
    VerifiedTileReader,
    audit_tiles,
    consistency_proof_from_tiles,
    inclusion_proof_from_tiles,
    parse_note,
    parse_vkey,
    tree_root_from_tiles,
    verify_checkpoint,
    verify_consistency,
    verify_inclusion,
    verify_leaf_inclusion,
)

REJECTED = 3


class Wrong(Exception):
    """Something in the log does not hold."""


def hold(holds, what):
    if not holds:
        raise Wrong(what)


def open_checkpoint(path, key, witnesses=()):
    verdict = verify_checkpoint(parse_note(path.read_bytes()), key, list(witnesses), quorum=len(witnesses))
    hold(verdict.ok, f"{path.name}: {verdict.error}")
    hold(verdict.origin == key.name, f"{path.name} is of another log")
    return verdict


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def check(folder, key, witnesses):
    latest = open_checkpoint(folder / "checkpoint", key, witnesses)
    size, root = latest.size, latest.root
    files = FileSystemTileReader(folder)
    audit_tiles(files, size, root)
    reader = VerifiedTileReader(files, size, root)
    for index in range(size):
        proof = inclusion_proof_from_tiles(reader, index, size)
        hold(verify_leaf_inclusion(reader.entry(index), index, size, proof, root), f"entry {index}")
    earlier = sorted((folder / "earlier").iterdir())
    for path in earlier:
        old = open_checkpoint(path, key)
        proof = consistency_proof_from_tiles(reader, old.size, size)
        hold(verify_consistency(old.size, size, old.root, root, proof), f"{old.size} entries before")
    check_served(folder, reader, size)
    return f"{size} entries and {len(earlier)} earlier checkpoints, seen by {latest.witnesses}"


def check_served(folder, reader, tree):
    """The proofs that the server made, against roots that this program computes."""
    def root(size):
        return tree_root_from_tiles(reader, size, tree)

    for served in json.loads((folder / "inclusion.json").read_text()):
        leaf, proof = from_base64url(served["leaf"]), list(map(from_base64url, served["proof"]))
        index, size = served["index"], served["size"]
        hold(verify_inclusion(leaf, index, size, proof, root(size)), f"the server's proof of entry {index}")
    for served in json.loads((folder / "consistency.json").read_text()):
        old, new, proof = served["from"], served["to"], list(map(from_base64url, served["proof"]))
        hold(verify_consistency(old, new, root(old), root(new), proof), f"the server's proof from {old} to {new}")


folder, vkey, *witnesses = sys.argv[1:]
try:
    print(check(pathlib.Path(folder), parse_vkey(vkey), [parse_vkey(witness) for witness in witnesses]))
except (Wrong, TileMissingError, TileVerificationError, ValueError) as error:
    print(error)
    sys.exit(REJECTED)

"""Judges FHIR resources, one a line: by the models of fhir.resources, by the invariants of AuditEvent, and by the profiles
of IHE Basic Audit Log Patterns that a resource claims."""
import json
import sys

from balp import PROFILES, invariants
from fhir.resources.R4B.auditevent import AuditEvent
from pydantic import ValidationError

REJECTED = 3


def faults(resource):
    if resource.get("resourceType") != "AuditEvent":
        yield "not an AuditEvent"
        return
    try:
        read = AuditEvent.model_validate(resource)
    except ValidationError as error:
        for one in error.errors():
            yield f"R4B: {'.'.join(map(str, one['loc']))}: {one['msg']}"
        return
    # What the models read must be what was written: nothing was dropped or reshaped.
    if json.loads(read.model_dump_json()).keys() != resource.keys():
        yield "R4B: members were lost in reading"
    yield from invariants(resource)
    for profile in resource.get("meta", {}).get("profile", []):
        if profile not in PROFILES:
            yield f"claims the unknown profile {profile}"
        else:
            yield from PROFILES[profile](resource)


def main():
    found = []
    claims = {}
    count = 0
    for number, line in enumerate(sys.stdin, start=1):
        count += 1
        try:
            resource = json.loads(line)
            code = resource["subtype"][-1]["code"]
            found += [f"line {number} ({code}): {fault}" for fault in faults(resource)]
            for profile in resource.get("meta", {}).get("profile", []):
                claims[profile] = claims.get(profile, 0) + 1
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            found.append(f"line {number}: {type(error).__name__}: {error}")
    print("\n".join(found) or f"{count} resources")
    for profile, number in sorted(claims.items()):
        print(f"{number} claim {profile}")
    return REJECTED if found or count == 0 else 0


sys.exit(main())

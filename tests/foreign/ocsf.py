"""Judges OCSF events, one a line, by the schema of the framework itself (package ocsf-json-schema)."""
import json
import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

REJECTED = 3


class Judge:
    """Validators by class, for the version and the profiles that an event names."""

    def __init__(self):
        self.schemas = {}
        self.validators = {}

    def faults(self, event):
        version = event["metadata"]["version"]
        if version not in self.schemas:
            self.schemas[version] = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
        schema = self.schemas[version]
        profiles = tuple(event["metadata"].get("profiles", []))
        key = version, event["class_uid"], profiles
        if key not in self.validators:
            name = schema.lookup_class_name_from_uid(event["class_uid"])
            document = schema.get_class_schema(class_name=name, profiles=list(profiles))
            self.validators[key] = name, document, Draft202012Validator(document)
        name, document, validator = self.validators[key]
        for error in validator.iter_errors(event):
            yield f"{name}: {error.json_path}: {error.message[:300]}"
        # The schema leaves these to whoever writes: the framework says how they are computed.
        if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
            yield f"{name}: type_uid is not class_uid * 100 + activity_id"
        if event["category_uid"] != event["class_uid"] // 1000:
            yield f"{name}: category_uid is not that of the class"
        activities = document["properties"]["activity_id"].get("enum", [])
        if event["activity_id"] not in activities:
            yield f"{name}: activity {event['activity_id']} is not one of {activities}"


def main():
    judge = Judge()
    faults = []
    count = 0
    for number, line in enumerate(sys.stdin, start=1):
        count += 1
        try:
            event = json.loads(line)
            code = event["metadata"]["event_code"]
            faults += [f"line {number} ({code}): {fault}" for fault in judge.faults(event)]
        except (ValueError, KeyError, TypeError, AttributeError, FileNotFoundError) as error:
            faults.append(f"line {number}: {type(error).__name__}: {error}")
    print("\n".join(faults) or f"{count} events in {len({key[1] for key in judge.validators})} classes")
    return REJECTED if faults or count == 0 else 0


sys.exit(main())

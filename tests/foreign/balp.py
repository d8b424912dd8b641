"""The rules of IHE Basic Audit Log Patterns 1.1 (profiles.ihe.net/ITI/BALP) for RESTful interactions without a patient, and
the invariants and required codes of AuditEvent in FHIR R4, which models of data types do not check."""
import base64
import binascii

BASE = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
DCM = "http://dicom.nema.org/resources/ontology/DCM"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
CUSTODIAN = ("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "custodian")
ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ENTITY_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
REST = ("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest")
RESTFUL = "http://hl7.org/fhir/restful-interaction"
AUTHORS = [(PARTICIPATION, code) for code in ("AUT", "INF", "CST")]


def invariants(event):
    """AuditEvent in R4: required bindings and sev-1; and what an identifier needs to mean something."""
    if event.get("action") not in list("CRUDE"):
        yield "action is not in audit-event-action"
    if event.get("outcome") not in ("0", "4", "8", "12"):
        yield "outcome is not in audit-event-outcome"
    if not any(agent.get("requestor") is True for agent in event["agent"]):
        yield "nobody requested it"
    for agent in event["agent"]:
        network = agent.get("network", {})
        if network.get("type", "1") not in ("1", "2", "3", "4", "5"):
            yield "network.type is not in network-type"
    for entity in event.get("entity", []):
        if "name" in entity and "query" in entity:
            yield "sev-1: an entity has a name and a query"
        for detail in entity.get("detail", []):
            if len([name for name in detail if name.startswith("value")]) != 1:
                yield "a detail has not exactly one value"
    for reference in references(event):
        identifier = reference.get("identifier", {})
        if identifier and not (identifier.get("system") and identifier.get("value")):
            yield "an identifier without system or value"
        if not identifier and not reference.get("display") and not reference.get("reference"):
            yield "a reference to nothing"


def references(event):
    yield event["source"]["observer"]
    yield from (agent["who"] for agent in event["agent"] if "who" in agent)
    yield from (entity["what"] for entity in event.get("entity", []) if "what" in entity)


def codes(concept):
    return [(coding.get("system"), coding.get("code")) for coding in concept.get("coding", [])]


def code(coding):
    return coding.get("system"), coding.get("code")


def interaction(action, subtypes, client, server, users, entity):
    """A profile of one interaction, as a function that yields what an event breaks."""

    def check(event):
        if code(event["type"]) != REST:
            yield "type is not rest"
        matching = [one for one in map(code, event.get("subtype", [])) if one in subtypes]
        if len(matching) != 1:
            yield f"subtype has {len(matching)} of {[one[1] for one in subtypes]}"
        if event.get("action") != action:
            yield f"action is not {action}"
        if event.get("outcome") != "0":
            yield "not a success"
        yield from agents(event, client, server, users)
        if not event.get("entity"):
            yield "no entity"
        yield from entity(event.get("entity", []))

    return check


def agents(event, client, server, users):
    if len(event["agent"]) < 2:
        yield "fewer than two agents"
    for name, wanted in (("client", client), ("server", server)):
        slices = [agent for agent in event["agent"] if wanted in codes(agent.get("type", {}))]
        if len(slices) != 1:
            yield f"{len(slices)} agents are the {name}"
        for agent in slices:
            if "who" not in agent or "network" not in agent:
                yield f"the {name} lacks who or network"
            if "media" in agent:
                yield f"the {name} has media"
    slices = [agent for agent in event["agent"] if set(users) & set(codes(agent.get("type", {})))]
    if len(slices) > 1:
        yield "more than one agent is the user"
    for agent in slices:
        if "who" not in agent or agent.get("requestor") is not True:
            yield "the user lacks who, or did not request it"
        if "media" in agent or "network" in agent:
            yield "the user has media or network"


def data(entities):
    """Create, update, delete, read: the resource."""
    slices = [one for one in entities if code(one.get("type", {})) == (ENTITY_TYPE, "2")]
    if len(slices) != 1:
        yield f"{len(slices)} entities are the data"
    for entity in slices:
        if code(entity.get("role", {})) not in [(ENTITY_ROLE, role) for role in ("4", "3", "20")]:
            yield "the data has no role of RESTful objects"
        if "what" not in entity:
            yield "the data is not identified"


def query(entities):
    """Query: what was asked, in base64."""
    slices = [one for one in entities if code(one.get("type", {})) == (ENTITY_TYPE, "2")]
    if len(slices) != 1:
        yield f"{len(slices)} entities are the query"
    for entity in slices:
        if code(entity.get("role", {})) != (ENTITY_ROLE, "24"):
            yield "the query has not the role of one"
        if {"what", "lifecycle", "detail"} & entity.keys():
            yield "the query has what, lifecycle or detail"
        try:
            if not base64.b64decode(entity.get("query", ""), validate=True):
                yield "the query is empty"
        except binascii.Error:
            yield "the query is not base64"


SOURCE, DESTINATION, APPLICATION = ((DCM, number) for number in ("110153", "110152", "110150"))

PROFILES = {
    BASE + "Create": interaction(
        "C", [(RESTFUL, "create")], SOURCE, DESTINATION, AUTHORS, data
    ),
    BASE + "Update": interaction(
        "U", [(RESTFUL, "update"), (RESTFUL, "patch")], SOURCE, DESTINATION, AUTHORS, data
    ),
    BASE + "Delete": interaction(
        "D", [(RESTFUL, "delete")], APPLICATION, CUSTODIAN, AUTHORS, data
    ),
    BASE + "Query": interaction(
        "E",
        [(RESTFUL, "search"), (RESTFUL, "search-type"), (RESTFUL, "search-system")],
        SOURCE,
        DESTINATION,
        [(PARTICIPATION, "IRCP")],
        query,
    ),
}

"""Ids as clients see them: opaque, tagged with their type, such as `cus_0199f3c2a1b07d3e8f4a5b6c7d8e9f00`."""

import re
import uuid

TAGS = {
    "BulkOperation": "blk",
    "Case": "cas",
    "Change": "chg",
    "Contact": "con",
    "Cost": "cos",
    "Customer": "cus",
    "Industry": "ind",
    "Invoice": "inv",
    "InvoiceStatus": "ist",
    "Organization": "org",
    "Report": "rep",
    "Role": "rol",
    "SalesStatus": "sst",
    "Token": "tok",
    "Unit": "uni",
    "User": "usr",
}
ENTITIES = {tag: entity for entity, tag in TAGS.items()}

_SHAPE = re.compile(r"([a-z]{3})_([0-9a-f]{32})")


def encode(entity: str, key: uuid.UUID) -> str:
    """The id of the `entity` (a type's name) with this key."""
    return f"{TAGS[entity]}_{key.hex}"


def decode(text: str) -> tuple[str, uuid.UUID] | None:
    """Entity and key of an id, or None where it is none of ours."""
    match = _SHAPE.fullmatch(text)
    if match is None or match[1] not in ENTITIES:
        return None
    return ENTITIES[match[1]], uuid.UUID(match[2])


def find_key(entity: str, text: str) -> uuid.UUID | None:
    """The key in an id of this entity, or None where it is malformed or another entity's."""
    found = decode(text)
    return found[1] if found and found[0] == entity else None

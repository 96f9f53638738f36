"""From filters and sort keys as clients write them to the plain conditions of a selection."""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from graphql import FieldNode, ListValueNode, ObjectValueNode, ValueNode, VariableNode

from resolvers.entities import ENTITIES, Entity, ToMany, ToOne
from resolvers.ids import decode, find_key
from resolvers.paging import BadArgument, storable
from resolvers.selection import EVERYTHING, All, AnyOf, Compare, Condition, Member, Missing, Not, Operand, Related, Sort

NO_ROW = uuid.UUID(int=0)
"""What an id stands for that cannot be one: no row has it, so nothing equals it."""

MOST_KEYS = 20
"""A cursor holds a value for each, and a function of PostgreSQL takes a hundred."""

MANY = {"in", "not_in"}
PARTS = {"contains", "starts_with"}
NEGATIVE = {"neq", "not_in"}


@lru_cache(maxsize=2000)
def snake(name: str) -> str:
    """A name as the code writes it: `vatNumber` becomes `vat_number`."""
    return re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), name)


def condition(entity: str, given: Mapping[str, Any], *path: str) -> Condition:
    """A filter object as a condition on the entity; BadArgument where an operand is null or an object empty."""
    return _all(_part(ENTITIES[entity], name, value, (*path, name)) for name, value in _filled(given, path).items())


def _all(parts: Any) -> Condition:
    conditions = tuple(parts)
    return conditions[0] if len(conditions) == 1 else All(conditions)


def _filled(given: Any, path: tuple[str, ...]) -> Any:
    if given is None or given in ({}, []):
        raise BadArgument(
            f"{'.'.join(path)} is {'null' if given is None else 'empty'}, which would leave open what to find: "
            "give it a value, or leave it out.",
            *path,
        )
    return given


def _part(entity: Entity, name: str, value: Any, path: tuple[str, ...]) -> Condition:
    if name in ("and", "or"):
        made = tuple(condition(entity.name, item, *path, str(place)) for place, item in enumerate(_filled(value, path)))
        return All(made) if name == "and" else AnyOf(made)
    if name == "not":
        return Not(condition(entity.name, _filled(value, path), *path))
    if name == "isNull":  # of a row that is there
        return Not(EVERYTHING) if _filled(value, path) else EVERYTHING
    if name == "kpi":
        return Member(str(_filled(value, path)["eq"].value))
    return _field(entity, snake(name), value, path)


def _field(entity: Entity, name: str, value: Any, path: tuple[str, ...]) -> Condition:
    declared = entity.field(name)
    if isinstance(declared, ToOne):
        return _link(name, declared, value, path)
    if isinstance(declared, ToMany):
        return _all(
            _quantified(name, declared, how, below, (*path, how)) for how, below in _filled(value, path).items()
        )
    return _all(
        _comparison(entity, name, snake(operator), operand, (*path, operator))
        for operator, operand in _filled(value, path).items()
    )


def _link(name: str, link: ToOne, given: Any, path: tuple[str, ...], *, negated: bool = False) -> Condition:
    """Conditions on what a link leads to, so on a link that leads somewhere; only `isNull` asks about the link itself.

    A `not` is therefore carried down to each part: its opposite asks for something at the end of the link, too.
    """
    filled = _filled(given, path).items()
    parts = tuple(_link_part(name, link, key, value, (*path, key), negated=negated) for key, value in filled)
    return AnyOf(parts) if negated else _all(parts)


def _link_part(name: str, link: ToOne, key: str, value: Any, path: tuple[str, ...], *, negated: bool) -> Condition:
    if key in ("and", "or"):
        items = enumerate(_filled(value, path))
        made = tuple(_link(name, link, item, (*path, str(place)), negated=negated) for place, item in items)
        return AnyOf(made) if (key == "or") != negated else All(made)
    if key == "not":
        return _link(name, link, value, path, negated=not negated)
    if key == "isNull":
        return Missing(name) if _filled(value, path) is not negated else Not(Missing(name))
    met = _part(ENTITIES[link.entity], key, value, path)
    return Related(name, Not(met) if negated else met)


def _quantified(name: str, link: ToMany, how: str, given: Any, path: tuple[str, ...]) -> Condition:
    below = EVERYTHING if given == {} else condition(link.entity, _filled(given, path), *path)
    found = Related(name, below)
    return found if how == "some" else Not(found)


def _comparison(entity: Entity, name: str, operator: str, operand: Any, path: tuple[str, ...]) -> Condition:
    if operator == "is_null":
        return Missing(name) if _filled(operand, path) is True else Not(Missing(name))
    filled = _filled(operand, path)
    if name in _IDS_OF_OTHERS:
        found = _IDS_OF_OTHERS[name](filled if operator in MANY else [filled])
        return Not(found) if operator in NEGATIVE else found
    if operator in MANY:
        values = [_operand(entity, name, item, (*path, str(place))) for place, item in enumerate(filled)]
        return Compare(name, operator, Operand(values))
    if operator in PARTS and not filled:  # which every text has, and no index needs to be looked into
        return Not(Missing(name))
    return Compare(name, operator, Operand(_operand(entity, name, filled, path)))


def _of_subjects(ids: Sequence[str]) -> Condition:
    """The changes of these things: a key alone does not tell what kind of thing it is the key of."""
    keys: dict[str, list[uuid.UUID]] = {}
    for kind, key in (decode(text) or ("", NO_ROW) for text in ids):
        keys.setdefault(kind, []).append(key)
    return AnyOf(
        tuple(
            All((Compare("entity_type", "eq", Operand(kind)), Compare("entity_id", "in", Operand(of_kind))))
            for kind, of_kind in keys.items()
        )
    )


def _of_operations(ids: Sequence[str]) -> Condition:
    """The changes of these mass updates, of those that the viewer may see."""
    keys = [find_key("BulkOperation", text) or NO_ROW for text in ids]
    return All((Compare("operation_id", "in", Operand(keys)), Related("operation", EVERYTHING)))


_IDS_OF_OTHERS: Mapping[str, Callable[[Sequence[str]], Condition]] = {
    "entity_id": _of_subjects,
    "operation_id": _of_operations,
}


def _operand(entity: Entity, name: str, value: Any, path: tuple[str, ...]) -> Any:
    if name == "id":
        return find_key(entity.name, value) or NO_ROW
    if not storable(_filled_text(value, path)):
        raise BadArgument(
            f"{'.'.join(path)} cannot be looked for: it is out of range, or holds what no text here can hold.",
            *path,
        )
    return value


def _filled_text(value: Any, path: tuple[str, ...]) -> Any:
    return _filled(value, path) if value is None else value


def order(given: Sequence[Mapping[str, Any]]) -> tuple[Sort, ...]:
    """Sort keys as written, most important first."""
    if len(given) > MOST_KEYS:
        raise BadArgument(f"orderBy has {len(given)} keys, more than {MOST_KEYS}; the first few decide.", "orderBy")
    return tuple(_sort(key, ()) for key in given)


def _sort(key: Mapping[str, Any], path: tuple[str, ...]) -> Sort:
    ((name, value),) = key.items()
    here = (*path, snake(name))
    return _sort(value, here) if isinstance(value, Mapping) else Sort(here, value.value == "DESC")


def check_operands(node: FieldNode, variables: Mapping[str, Any], *below: str) -> None:
    """BadArgument where a filter leans on a variable that was not given: coerced values no longer show it.

    The filter is an argument of the field, or lies `below` one.
    """
    written: Iterable[Any] = node.arguments or ()
    for name in below:
        written = [member for each in _named(written, name) for member in getattr(each.value, "fields", ())]
    for each in _named(written, "filter"):
        _check(each.value, variables, ("filter",))


def _named(written: Iterable[Any], name: str) -> list[Any]:
    return [each for each in written if each.name.value == name]


def _check(value: ValueNode, variables: Mapping[str, Any], path: tuple[str, ...]) -> None:
    if isinstance(value, VariableNode) and len(path) > 1 and value.name.value not in variables:
        raise BadArgument(f"{'.'.join(path)} is the variable ${value.name.value}, which was not given.", *path)
    if isinstance(value, ObjectValueNode):
        # One filter may stand for a list of it.
        path = (*path, "0") if path[-1] in ("and", "or") else path
        for member in value.fields:
            _check(member.value, variables, (*path, member.name.value))
    if isinstance(value, ListValueNode):
        for place, item in enumerate(value.values):
            _check(item, variables, (*path, str(place)))

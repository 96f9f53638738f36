"""Who may see what: each rule once, as a predicate that every statement puts on every table it touches.

A predicate takes the table (or an alias of it) and the viewer's permissions. Its parameters are always named
`organization_id`, `viewer_id` and `viewer_units`, so that a statement serves all viewers of the same permissions;
`Viewer.binds` has their values.
"""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db import models
from db.models import Access, table_of
from resolvers.rendering import text
from resolvers.viewer import Permissions

Table = sa.FromClause
Predicate = sa.ColumnElement[bool]

ORGANIZATION = sa.bindparam("organization_id", type_=sa.Uuid())
VIEWER = sa.bindparam("viewer_id", type_=sa.Uuid())
UNITS = sa.bindparam("viewer_units", type_=ARRAY(sa.Uuid()))


def in_organization(row: Table) -> Predicate:
    """The row belongs to the viewer's organisation."""
    return (row.c.id if row.c.get("organization_id") is None else row.c.organization_id) == ORGANIZATION


def _owner_within(owner: sa.ColumnElement[Any], level: Access) -> Predicate:
    if level is Access.OWN:
        return owner == VIEWER
    users = table_of(models.User).alias()
    colleagues = sa.select(users.c.id).where(in_organization(users), users.c.unit_id == sa.any_(UNITS))
    # A viewer without a unit is at least the owner of what is the viewer's own.
    return sa.or_(owner == VIEWER, owner.in_(colleagues))


def _either(level: Access, between: Callable[[], Predicate]) -> Predicate:
    """Everything, nothing, or what lies `between`."""
    if level is Access.ALL:
        return sa.true()
    return sa.false() if level is Access.NONE else between()


def _customer_within(row: Table, level: Access) -> Predicate:
    return _either(level, lambda: _owner_within(row.c.owner_id, level))


def _customer_of(row: Table, level: Access) -> Predicate:
    customers = table_of(models.Customer).alias()
    return sa.exists().where(
        in_organization(customers), customers.c.id == row.c.customer_id, _owner_within(customers.c.owner_id, level)
    )


def _case_within(row: Table, level: Access) -> Predicate:
    return _either(level, lambda: sa.or_(_owner_within(row.c.owner_id, level), _customer_of(row, level)))


def _case_of(row: Table, within: Callable[[Table], Predicate]) -> Predicate:
    cases = table_of(models.Case).alias()
    return sa.exists().where(in_organization(cases), cases.c.id == row.c.case_id, within(cases))


def reaches_customer(row: Table, may: Permissions) -> Predicate:
    """A customer within the level of `readCustomers`, deleted or not."""
    return _customer_within(row, may.read_customers)


def sees_customer(row: Table, may: Permissions) -> Predicate:
    """An undeleted customer within the level of `readCustomers`."""
    return sa.and_(row.c.deleted_at.is_(None), reaches_customer(row, may))


def edits_customer(row: Table, may: Permissions) -> Predicate:
    """A customer seen and within the level of `editCustomers`."""
    return sa.and_(sees_customer(row, may), _customer_within(row, may.edit_customers))


def edits_customer_of(row: Table, may: Permissions) -> Predicate:
    """What hangs on a customer that may be edited."""
    customers = table_of(models.Customer).alias()
    return sa.exists().where(
        in_organization(customers), customers.c.id == row.c.customer_id, edits_customer(customers, may)
    )


def is_there(row: Table, may: Permissions) -> Predicate:
    """Not deleted: all that is left to ask of the contacts of a customer that the viewer sees."""
    return row.c.deleted_at.is_(None)


def sees_contact(row: Table, may: Permissions) -> Predicate:
    """An undeleted contact of a customer that the viewer sees."""
    customers = table_of(models.Customer).alias()
    of_seen = sa.exists().where(
        in_organization(customers), customers.c.id == row.c.customer_id, sees_customer(customers, may)
    )
    return sa.and_(row.c.deleted_at.is_(None), of_seen)


def sees_case(row: Table, may: Permissions) -> Predicate:
    """A case whose owner, or whose customer's owner, is within the level of `readCases`."""
    return _case_within(row, may.read_cases)


def sees_invoice(row: Table, may: Permissions) -> Predicate:
    """An invoice whose case's owner, or whose customer's owner, is within the level of `readInvoices`."""
    level = may.read_invoices
    by_case = _case_of(row, lambda case: _owner_within(case.c.owner_id, level))
    return _either(level, lambda: sa.or_(_customer_of(row, level), by_case))


def sees_cost(row: Table, may: Permissions) -> Predicate:
    """A cost whose case's owner, or whose case's customer's owner, is within the level of `readCosts`."""
    level = may.read_costs
    return _either(level, lambda: _case_of(row, lambda case: _case_within(case, level)))


def sees_token(row: Table, may: Permissions) -> Predicate:
    """One's own tokens; everybody's for an administrator."""
    return sa.true() if may.administer else row.c.user_id == VIEWER


def sees_report(row: Table, may: Permissions) -> Predicate:
    """One's own reports and the shared ones; all of them for an administrator."""
    return (
        sa.true()
        if may.administer
        else sa.or_(row.c.owner_id == VIEWER, row.c.visibility == text(models.Visibility.SHARED))
    )


def edits_report(row: Table, may: Permissions) -> Predicate:
    """One's own reports; all of them for an administrator."""
    return sa.true() if may.administer else row.c.owner_id == VIEWER


def sees_operation(row: Table, may: Permissions) -> Predicate:
    """What one did oneself; everything for an administrator."""
    return sa.true() if may.administer else row.c.by_id == VIEWER


def sees_all(row: Table, may: Permissions) -> Predicate:
    """What everybody in the organisation may see."""
    return sa.true()


def sees_change(row: Table, may: Permissions) -> Predicate:
    """A change of something that the viewer may see, or might have seen before it was deleted or given away."""
    kind = row.c.entity_type
    return sa.or_(
        kind.not_in(map(text, _TRAILS)),
        *(sa.and_(kind == text(name), trail(row, may)) for name, trail in _TRAILS.items()),
    )


def _trail_of(model: Any, rule: Callable[[Table, Permissions], Predicate]) -> Callable[[Table, Permissions], Predicate]:
    def predicate(row: Table, may: Permissions) -> Predicate:
        subjects = table_of(model).alias()
        found = sa.exists().where(in_organization(subjects), subjects.c.id == row.c.entity_id, rule(subjects, may))
        # Nothing is left to look at once it is deleted: then only those who saw everything see its trail.
        return sa.true() if sees_every(model, may) else found

    return predicate


def sees_every(model: Any, may: Permissions) -> bool:
    """Whether the viewer sees all rows of the model there are, and so those that are gone too."""
    level = {
        models.Customer: may.read_customers,
        models.Contact: may.read_customers,
        models.Case: may.read_cases,
        models.Invoice: may.read_invoices,
        models.Cost: may.read_costs,
    }.get(model)
    return may.administer if level is None else level is Access.ALL


def _or_by_own_operation(
    trail: Callable[[Table, Permissions], Predicate],
) -> Callable[[Table, Permissions], Predicate]:
    """Also what the viewer changed by an operation, for which it had to be seen then: whoever gives customers away."""
    return lambda row, may: sa.or_(trail(row, may), sa.and_(row.c.operation_id.is_not(None), row.c.by_id == VIEWER))


def _but_others_exports(
    trail: Callable[[Table, Permissions], Predicate],
) -> Callable[[Table, Permissions], Predicate]:
    """Who has read what out, and for which variables, is for oneself and administrators to know."""

    def predicate(row: Table, may: Permissions) -> Predicate:
        is_ones_own = sa.or_(row.c.kind != text(models.ChangeKind.EXPORTED), row.c.by_id == VIEWER)
        return trail(row, may) if may.administer else sa.and_(trail(row, may), is_ones_own)

    return predicate


def _customer_once_seen(row: Table, may: Permissions) -> Predicate:
    return _customer_within(row, may.read_customers)


def _contact_once_seen(row: Table, may: Permissions) -> Predicate:
    return _either(may.read_customers, lambda: _customer_of(row, may.read_customers))


_TRAILS: Mapping[str, Callable[[Table, Permissions], Predicate]] = {
    "Customer": _or_by_own_operation(_trail_of(models.Customer, _customer_once_seen)),
    "Contact": _or_by_own_operation(_trail_of(models.Contact, _contact_once_seen)),
    "Case": _trail_of(models.Case, sees_case),
    "Invoice": _trail_of(models.Invoice, sees_invoice),
    "Cost": _trail_of(models.Cost, sees_cost),
    "Token": _trail_of(models.Token, sees_token),
    "Report": _but_others_exports(_trail_of(models.Report, sees_report)),
}


_LINKS: Mapping[str, tuple[Any, Callable[[Table, Permissions], Predicate]]] = {
    "customer": (models.Customer, _customer_once_seen),
    "case": (models.Case, sees_case),
}
"""The fields of changes that are ids of what not everybody sees."""


def seen_value(row: Table, may: Permissions, side: str) -> sa.ColumnElement[Any]:
    """The `old` or `new` value of a change, without the customers and cases that the viewer never saw."""
    value: sa.ColumnElement[Any] = row.c[side]
    for name in _hideable(may):
        within = _never_saw(name, row.c[side].op("->>", return_type=sa.Text())(text(name)), may)
        value = sa.case((within, value.op("-")(text(name))), else_=value)
    return sa.type_coerce(_unless_hidden(row, may, side, value), row.c[side].type)


def seen_label(row: Table, may: Permissions, side: str) -> sa.ColumnElement[Any]:
    """What a person reads of that value."""
    return _unless_hidden(row, may, side, row.c[f"{side}_label"])


def _unless_hidden(row: Table, may: Permissions, side: str, told: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    plain = row.c[side].op("#>>", return_type=sa.Text())(sa.literal_column("'{}'"))
    hidden = [sa.and_(row.c.field == text(name), _never_saw(name, plain, may)) for name in _hideable(may)]
    return sa.case((sa.or_(*hidden), sa.null()), else_=told) if hidden else told


def _hideable(may: Permissions) -> list[str]:
    return [name for name, (model, _) in _LINKS.items() if not sees_every(model, may)]


def _never_saw(name: str, id_text: sa.ColumnElement[Any], may: Permissions) -> Predicate:
    model, rule = _LINKS[name]
    subjects = table_of(model).alias()
    # Nothing else may be cast, whatever PostgreSQL looks at first.
    is_id = id_text.regexp_match(sa.literal_column("'^[a-z]{3}_[0-9a-f]{32}$'"))
    key = sa.case((is_id, sa.cast(sa.func.substr(id_text, sa.literal_column("5")), sa.Uuid)))
    found = sa.exists().where(in_organization(subjects), subjects.c.id == key, rule(subjects, may))
    return sa.and_(id_text.is_not(None), ~found)

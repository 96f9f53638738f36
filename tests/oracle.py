"""A second way to answer a query, slow and obvious: loops over plain rows.

Written from the contract and the design, not from the code that it checks. It takes a query as a tree of `Ask`s, plain
rows of one organisation and a viewer, and says what JSON must come out.
"""

import re
import unicodedata
import uuid
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from resolvers.ids import decode, encode
from resolvers.viewer import Viewer
from tests.rows import MINOR_UNITS, Row, Rows, home_amount


@dataclass(frozen=True)
class Ask:
    """A field under the key that it is wanted by; `on` is the type it is a field of, `type` what it answers."""

    key: str
    name: str
    on: str
    type: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple["Ask", ...] = ()


@dataclass(frozen=True)
class At:
    """The cursor of this row; what the text of it is, is nobody's business."""

    entity: str
    row_id: uuid.UUID


TO_ONE = {
    ("Unit", "parent"): ("Unit", "parent_id"),
    ("User", "unit"): ("Unit", "unit_id"),
    ("User", "role"): ("Role", "role_id"),
    ("Token", "user"): ("User", "user_id"),
    ("Customer", "industry"): ("Industry", "industry_id"),
    ("Customer", "owner"): ("User", "owner_id"),
    ("Contact", "customer"): ("Customer", "customer_id"),
    ("Case", "customer"): ("Customer", "customer_id"),
    ("Case", "owner"): ("User", "owner_id"),
    ("Case", "salesStatus"): ("SalesStatus", "sales_status_id"),
    ("Invoice", "customer"): ("Customer", "customer_id"),
    ("Invoice", "case"): ("Case", "case_id"),
    ("Invoice", "status"): ("InvoiceStatus", "status_id"),
    ("Cost", "case"): ("Case", "case_id"),
    ("Report", "owner"): ("User", "owner_id"),
    ("Change", "by"): ("User", "by_id"),
    ("Change", "operation"): ("BulkOperation", "operation_id"),
    ("BulkOperation", "by"): ("User", "by_id"),
    ("BulkOperation", "undoes"): ("BulkOperation", "undoes_id"),
    ("Rejection", "customer"): ("Customer", "customer_id"),
}
TO_MANY = {
    ("Customer", "contacts"): ("Contact", "customer_id"),
    ("Customer", "cases"): ("Case", "customer_id"),
    ("Customer", "invoices"): ("Invoice", "customer_id"),
    ("Case", "invoices"): ("Invoice", "case_id"),
    ("Case", "costs"): ("Cost", "case_id"),
    ("BulkOperation", "changes"): ("Change", "operation_id"),
    ("BulkOperation", "rejections"): ("Rejection", "operation_id"),
}
ROOT_PAGES = {
    "customers": "Customer",
    "contacts": "Contact",
    "industries": "Industry",
    "users": "User",
    "cases": "Case",
    "invoices": "Invoice",
    "costs": "Cost",
    "changes": "Change",
    "reports": "Report",
}
ROOT_LISTS = {
    "units": "Unit",
    "roles": "Role",
    "salesStatuses": "SalesStatus",
    "invoiceStatuses": "InvoiceStatus",
    "tokens": "Token",
}
ROOT_ONES = {"customer": "Customer", "contact": "Contact", "bulkOperation": "BulkOperation"}
ROOTS = {*ROOT_PAGES, *ROOT_LISTS, *ROOT_ONES, "node", "nodes", "report", "viewer", "kpis", "possibleDuplicates"}
"""The root fields that the oracle can answer."""

BY_NAME = {"Unit", "Role", "SalesStatus", "InvoiceStatus"}
LEGAL_FORMS = {"oy"}
"""Those in the names of the worlds."""
NOT_ALL_SEEN = "Katteen näkeminen edellyttää oikeutta kaikkiin laskuihin ja kaikkiin kustannuksiin."
"""The worlds are Finnish."""


class Oracle:
    """What one viewer must be told."""

    def __init__(self, rows: Rows, viewer: Viewer, cursors: Mapping[Any, str] | None = None) -> None:
        self.rows = rows
        self.viewer = viewer
        self.cursors = cursors or {}
        self.may = viewer.permissions
        self._seen = {
            entity: [row for row in rows.get(entity, ()) if self.sees(entity, row)]
            for entity in (*rows, "Change", "Rejection")
        }

    def find(self, entity: str, key: uuid.UUID | None, name: str = "id") -> Row | None:
        """The row with this key, whoever may see it."""
        return next((row for row in self.rows.get(entity, ()) if row[name] == key), None)

    # ------------------------------------------------------------------ who sees what

    def theirs(self, level: str, *owners: uuid.UUID | None) -> bool:
        """Whether a thing with these owners lies within the level."""
        if level in ("NONE", "ALL"):
            return level == "ALL"
        return any(
            owner is not None and (owner == self.viewer.user_id or (level == "UNIT" and self.is_colleague(owner)))
            for owner in owners
        )

    def is_colleague(self, user_id: uuid.UUID) -> bool:
        user = self.find("User", user_id)
        return user is not None and user["unit_id"] in self.viewer.units

    def owner(self, entity: str, key: uuid.UUID | None) -> uuid.UUID | None:
        row = self.find(entity, key) if key else None
        return row["owner_id"] if row else None

    def customer_of_case(self, key: uuid.UUID | None) -> uuid.UUID | None:
        case = self.find("Case", key) if key else None
        return case["customer_id"] if case else None

    def owners(self, entity: str, row: Row) -> list[uuid.UUID | None]:
        """Those whose it is: one's own is what one of them owns."""
        if entity == "Customer":
            return [row["owner_id"]]
        if entity == "Contact":
            return [self.owner("Customer", row["customer_id"])]
        if entity == "Case":
            return [row["owner_id"], self.owner("Customer", row["customer_id"])]
        if entity == "Invoice":
            return [self.owner("Case", row["case_id"]), self.owner("Customer", row["customer_id"])]
        return [
            self.owner("Case", row["case_id"]),
            self.owner("Customer", self.customer_of_case(row["case_id"])),
        ]

    def level(self, entity: str) -> str:
        """How far the right to read these reaches."""
        return {
            "Customer": self.may.read_customers,
            "Contact": self.may.read_customers,
            "Case": self.may.read_cases,
            "Invoice": self.may.read_invoices,
            "Cost": self.may.read_costs,
        }[entity]

    def sees(self, entity: str, row: Row) -> bool:
        """Whether the row exists for the viewer."""
        if entity == "Contact":
            customer = self.find("Customer", row["customer_id"])
            return row["deleted_at"] is None and customer is not None and self.sees("Customer", customer)
        if entity in ("Customer", "Case", "Invoice", "Cost"):
            return row.get("deleted_at") is None and self.theirs(self.level(entity), *self.owners(entity, row))
        if entity == "Token":
            return self.may.administer or row["user_id"] == self.viewer.user_id
        if entity == "Report":
            return self.may.administer or row["owner_id"] == self.viewer.user_id or row["visibility"] == "SHARED"
        if entity == "BulkOperation":
            return self.may.administer or row["by_id"] == self.viewer.user_id
        if entity == "Change":
            return self.sees_change(row)
        return True

    def sees_change(self, row: Row) -> bool:
        """The trail of a thing is for those who see the thing, or would if it had not been deleted."""
        entity = row["entity_type"]
        is_own_act = row["operation_id"] is not None and row["by_id"] == self.viewer.user_id
        if entity in ("Customer", "Contact") and is_own_act:
            return True
        if entity in ("Customer", "Contact", "Case", "Invoice", "Cost"):
            return self.once_saw(entity, row["entity_id"])
        if entity in ("Token", "Report"):
            subject = self.find(entity, row["entity_id"])
            is_others_export = (entity, row["kind"]) == ("Report", "EXPORTED") and row["by_id"] != self.viewer.user_id
            sees = subject is not None and self.sees(entity, subject) and not is_others_export
            return self.may.administer or sees
        return True

    def once_saw(self, entity: str, key: uuid.UUID) -> bool:
        """Whether the thing is, or was before it was deleted, within the level."""
        subject = self.find(entity, key)
        if self.level(entity) == "ALL":
            return True
        return subject is not None and self.theirs(self.level(entity), *self.owners(entity, subject))

    def change_value(self, row: Row, name: str) -> Any:
        """A value of a change, without the customers and cases that the viewer never saw."""
        value = row[name]
        if row["field"] in ("customer", "case"):
            linked = row[name.removesuffix("_label")]
            return value if linked is None or self.once_saw(*self.named(linked)) else None
        if isinstance(value, dict):
            return {
                key: part
                for key, part in value.items()
                if key not in ("customer", "case") or part is None or self.once_saw(*self.named(part))
            }
        return value

    def named(self, text: str) -> tuple[str, uuid.UUID]:
        found = decode(text)
        assert found
        return found

    def seen(self, entity: str) -> list[Row]:
        """All rows that the viewer may see."""
        return self._seen.get(entity, [])

    def linked(self, entity: str, row: Row, link: str) -> Row | None:
        """What the link leads to, where the viewer may see it."""
        if (entity, link) == ("BulkOperation", "undoneBy"):
            undone = (other for other in self.seen("BulkOperation") if other["undoes_id"] == row["id"])
            return next((other for other in undone if other["status"] == "APPLIED"), None)
        target, column = TO_ONE[entity, link]
        return next((other for other in self.seen(target) if other["id"] == row[column]), None)

    # ------------------------------------------------------------------ roots

    def query(self, asks: Sequence[Ask]) -> dict[str, Any]:
        """The data of a whole query."""
        return {ask.key: self.root(ask) for ask in asks}

    def root(self, ask: Ask) -> Any:
        name, arguments = ask.name, ask.arguments
        if name == "__typename":
            return "Query"
        if name == "node":
            return self.node(arguments["id"], ask)
        if name == "nodes":
            return [self.node(text, ask) for text in arguments["ids"]]
        if name in ROOT_ONES:
            found = self.by_id(arguments["id"])
            return self.object(*found, ask.fields) if found and found[0] == ROOT_ONES[name] else None
        if name in ROOT_LISTS:
            entity = ROOT_LISTS[name]
            return [self.object(entity, row, ask.fields) for row in self.ordered(entity, self.seen(entity), ())]
        if name in ROOT_PAGES:
            return self.page(ROOT_PAGES[name], self.seen(ROOT_PAGES[name]), ask)
        if name == "possibleDuplicates":
            return [
                self.object("Customer", row, ask.fields) for row in self.possible_duplicates(arguments["customerId"])
            ]
        return {"report": self.report, "viewer": self.viewer_object, "kpis": self.kpis}[name](ask)

    def by_id(self, text: str) -> tuple[str, Row] | None:
        """The entity and row with this id, as far as the viewer may know."""
        for entity, rows in self._seen.items():
            for row in rows:
                if entity not in ("Address", "RegistryLink", "Rejection") and encode(entity, row["id"]) == text:
                    return entity, row
        return None

    def node(self, text: str, ask: Ask) -> Any:
        found = self.by_id(text)
        return self.object(*found, ask.fields) if found else None

    def report(self, ask: Ask) -> Any:
        if "id" in ask.arguments:
            found = self.by_id(ask.arguments["id"])
            return self.object(*found, ask.fields) if found and found[0] == "Report" else None
        named = [row for row in self.rows["Report"] if row["name"] == ask.arguments["name"]]
        own = [row for row in named if row["owner_id"] == self.viewer.user_id]
        shared = [row for row in named if row["visibility"] == "SHARED"]
        return self.object("Report", (own or shared)[0], ask.fields) if own or shared else None

    def possible_duplicates(self, text: str) -> list[Row]:
        """Other customers that may be the one with this id, the oldest first."""
        found = self.by_id(text)
        if not found or found[0] != "Customer":
            return []
        subject = found[1]
        others = [row for row in self.seen("Customer") if row["id"] != subject["id"]]
        alike = [row for row in others if self.may_be_one(row, subject)]
        return sorted(alike, key=lambda row: row["id"])[:20]

    def may_be_one(self, one: Row, other: Row) -> bool:
        if one["vat_number"] and one["vat_number"] == other["vat_number"]:
            return True
        domains = {row["email"] and row["email"].partition("@")[2].lower() for row in (one, other)}
        one_domain = len(domains) == 1 and None not in domains
        return are_like(one["name"], other["name"]) and (one_domain or bool(self.towns(one) & self.towns(other)))

    def towns(self, customer: Row) -> set[str]:
        mine = [row["city"] for row in self.rows["Address"] if row["customer_id"] == customer["id"]]
        return {folded(city) for city in mine if city}

    def viewer_object(self, ask: Ask) -> Any:
        return {part.key: self.viewer_field(part) for part in ask.fields}

    def viewer_field(self, part: Ask) -> Any:
        if part.name == "user":
            return self.object("User", self.find("User", self.viewer.user_id), part.fields)
        if part.name == "organization":
            return self.object("Organization", self.rows["Organization"][0], part.fields)
        rights = {camel(name): str_of(getattr(self.may, name)) for name in self.may.__slots__}
        return "Viewer" if part.name == "__typename" else shaped(part.type, part.fields, rights)

    # ------------------------------------------------------------------ objects

    def object(self, entity: str, row: Row | None, asks: Sequence[Ask]) -> Any:
        """The row with the fields that are asked of its type, or of any with an id."""
        if row is None:
            return None
        return {ask.key: self.field(entity, row, ask) for ask in asks if ask.on in (entity, "Node")}

    def field(self, entity: str, row: Row, ask: Ask) -> Any:
        if ask.name == "__typename":
            return entity
        if (entity, ask.name) in TO_ONE or ask.name == "undoneBy":
            target = "BulkOperation" if ask.name == "undoneBy" else TO_ONE[entity, ask.name][0]
            return self.object(target, self.linked(entity, row, ask.name), ask.fields)
        if (entity, ask.name) in TO_MANY:
            target, column = TO_MANY[entity, ask.name]
            return self.page(target, [other for other in self.seen(target) if other[column] == row["id"]], ask)
        if (entity, ask.type) == ("Change", "JSON") or ask.name in ("oldLabel", "newLabel"):
            return self.change_value(row, snake(ask.name))
        return shaped(ask.type, ask.fields, self.told(entity, row, ask))

    def told(self, entity: str, row: Row, ask: Ask) -> Any:
        """A value as it is told to the client: plain, or an object or list of objects by name."""
        name = ask.name
        if name == "addresses":
            mine = [address for address in self.rows["Address"] if address["customer_id"] == row["id"]]
            return [camels(address) for address in sorted(mine, key=lambda address: address["position"])]
        if name == "registryLink":
            link = self.find("RegistryLink", row["id"], "customer_id")
            return link and {**camels(link), "fields": self.unedited(row, link["taken_over"])}
        if name == "billing":
            return self.money(self.billing(row, ask.arguments.get("from"), ask.arguments.get("to")))
        if name == "viewerCanEdit":
            return self.theirs(self.may.edit_customers, row["owner_id"])
        if name == "permissions":
            return camels(row)
        if name == "problem":
            told = {"entityId": row["entity_ref"], **dict.fromkeys(("line", "column", "retryAfter"))}
            return {"code": row["code"], "message": row["message"], "path": row["path"], **told}
        if name == "health":
            problems = [camels(problem) for problem in row["health_problems"]]
            return {"status": row["health_status"], "problems": problems}
        amount = self.value(entity, row, name)
        if ask.type != "Money" or amount is None:
            return amount
        if name == "homeAmount":
            return self.money(amount)
        return {"amount": amount, "currency": row["value_currency" if name == "value" else "currency"]}

    def unedited(self, customer: Row, taken_over: Row) -> list[str]:
        """The fields that are as a register had them."""
        columns = {"NAME": "name", "BUSINESS_ID": "business_id", "VAT_NUMBER": "vat_number", "ADDRESSES": "addresses",
                   "PHONE": "phone", "EMAIL": "email", "WEBSITE": "website", "INDUSTRY": "industry_id",
                   "MARKETING_ALLOWED": "marketing_allowed"}  # fmt: skip
        mine = [address for address in self.rows["Address"] if address["customer_id"] == customer["id"]]
        parts = ("kind", "street", "post_code", "city", "region", "country")
        addresses = [
            {part: address[part] for part in parts if address[part] is not None}
            for address in sorted(mine, key=lambda address: address["position"])
            if address["kind"] in [taken["kind"] for taken in taken_over.get("ADDRESSES", ())]
        ]
        now = {**customer, "addresses": addresses, "industry_id": str(customer["industry_id"])}
        return [field for field, column in columns.items() if field in taken_over and taken_over[field] == now[column]]

    def value(self, entity: str, row: Row, name: str) -> Any:
        """One value of a row: what is told, compared and sorted by."""
        if name == "id":
            return encode(entity, row["id"])
        if (entity, name) == ("Contact", "name"):
            return " ".join(part for part in (row["first_name"], row["last_name"]) if part is not None)
        if (entity, name) == ("Case", "value"):
            return row["value_amount"]
        if name == "homeAmount":
            return home_amount(row["amount"], row["exchange_rate"], self.viewer.currency)
        if name == "registryStatus":
            link = self.find("RegistryLink", row["id"], "customer_id")
            return link and link["status"]
        if name == "entityId":
            return encode(row["entity_type"], row["entity_id"])
        if name == "operationId":
            operation = self.linked("Change", row, "operation")
            return operation and encode("BulkOperation", operation["id"])
        if (entity, name) == ("Rejection", "customerId"):
            return row["customer_ref"]
        if (entity, name) == ("Report", "health"):
            return row["health_status"]
        return row[snake(name)]

    def money(self, amount: Decimal) -> dict[str, Any]:
        return {"amount": amount, "currency": self.viewer.currency}

    def billing(self, customer: Row, first: date | None, last: date | None) -> Decimal:
        return total(
            invoice for invoice in self.counted_invoices(first, last) if invoice["customer_id"] == customer["id"]
        )

    # ------------------------------------------------------------------ lists

    def page(self, entity: str, rows: Sequence[Row], ask: Ask) -> Any:
        """A connection over those of the rows that meet its filter."""
        given = ask.arguments
        order = tuple(given.get("orderBy") or ())
        kept = [row for row in rows if given.get("filter") is None or self.holds(entity, row, given["filter"])]
        kept = self.ordered(entity, kept, order)
        before, within, after = self.cut(entity, kept, order, given.get("after"), given.get("before"))
        if given.get("last") is None:
            size = 50 if given.get("first") is None else given["first"]
            page, has_previous, has_next = within[:size], bool(before), bool(within[size:] or after)
        else:
            rest = max(len(within) - given["last"], 0)
            page, has_previous, has_next = within[rest:], bool(before or within[:rest]), bool(after)
        cursors = [self.cursors.get((entity, repr(order), row.get("id"))) for row in page]
        info = {
            "hasNextPage": has_next,
            "hasPreviousPage": has_previous,
            "startCursor": cursors[0] if page else None,
            "endCursor": cursors[-1] if page else None,
        }

        def part(ask: Ask) -> Any:
            match ask.name:
                case "__typename":
                    return f"{entity}Connection"
                case "totalCount":
                    return len(kept)
                case "pageInfo":
                    return shaped("PageInfo", ask.fields, info)
                case "nodes":
                    return [self.object(entity, row, ask.fields) for row in page]
                case _:
                    pairs = zip(page, cursors, strict=True)
                    return [{each.key: self.edge(entity, *pair, each) for each in ask.fields} for pair in pairs]

        return {each.key: part(each) for each in ask.fields}

    def edge(self, entity: str, row: Row, cursor: str | None, ask: Ask) -> Any:
        if ask.name == "__typename":
            return f"{entity}Edge"
        return cursor if ask.name == "cursor" else self.object(entity, row, ask.fields)

    def cut(
        self, entity: str, rows: list[Row], order: Sequence[Any], after: At | None, before: At | None
    ) -> tuple[list[Row], list[Row], list[Row]]:
        """The rows up to and with `after`, those between the two, and those from `before` on."""
        everything = [row["id"] for row in self.ordered(entity, self.seen(entity), order)] if after or before else []
        first = everything.index(after.row_id) if after else -1
        last = everything.index(before.row_id) if before else len(everything) + 1
        places = [(everything.index(row["id"]) if everything else 0, row) for row in rows]
        return (
            [row for place, row in places if place <= first],
            [row for place, row in places if first < place < last],
            [row for place, row in places if place >= last],
        )

    def ordered(self, entity: str, rows: Sequence[Row], order: Sequence[Mapping[str, Any]]) -> list[Row]:
        """In the order of the keys; missing values last either way; the id settles ties the way of the last key."""
        keys = [unrolled(key) for key in order] or ([(("name",), "ASC")] if entity in BY_NAME else [])
        down = keys[-1][1] == "DESC" if keys else entity == "Change"
        found = sorted(rows, key=lambda row: row["id"], reverse=down)
        for path, direction in reversed(keys):
            with_value = [(self.sort_value(entity, row, path), row) for row in found]
            there = [pair for pair in with_value if pair[0] is not None]
            missing = [row for value, row in with_value if value is None]
            there.sort(key=lambda pair: pair[0], reverse=direction == "DESC")
            found = [row for _, row in there] + missing
        return found

    def sort_value(self, entity: str, row: Row | None, path: Sequence[str]) -> Any:
        if row is None:
            return None
        if len(path) > 1:
            return self.sort_value(TO_ONE[entity, path[0]][0], self.linked(entity, row, path[0]), path[1:])
        value = self.value(entity, row, path[0])
        return value.lower() if isinstance(value, str) else value

    # ------------------------------------------------------------------ filters

    def holds(self, entity: str, row: Row, given: Mapping[str, Any]) -> bool:
        """Whether the row meets all of the filter."""
        return all(self.part_holds(entity, row, name, value) for name, value in given.items())

    def part_holds(self, entity: str, row: Row, name: str, value: Any) -> bool:
        if name == "and":
            return all(self.holds(entity, row, part) for part in value)
        if name == "or":
            return any(self.holds(entity, row, part) for part in value)
        if name == "not":
            return not self.holds(entity, row, value)
        if name == "isNull":  # of a row that is there
            return value is False
        if name == "kpi":
            return (self.is_active if value["eq"] == "ACTIVE" else self.is_prospect)(row)
        if (entity, name) in TO_ONE:
            return self.link_holds(TO_ONE[entity, name][0], self.linked(entity, row, name), value) is True
        if (entity, name) in TO_MANY:
            target, column = TO_MANY[entity, name]
            theirs = [other for other in self.seen(target) if other[column] == row["id"]]
            some = {how: any(self.holds(target, other, value[how]) for other in theirs) for how in value}
            return some.get("some", True) and not some.get("none", False)
        return all(compared(how, self.value(entity, row, name), operand) for how, operand in value.items())

    def link_holds(self, entity: str, row: Row | None, given: Mapping[str, Any]) -> bool | None:
        """Of a link that leads nowhere only `isNull` can be said; all else is open, and so is its opposite."""
        if row is not None:
            return self.holds(entity, row, given)
        return worst(self.nothing_holds(name, value) for name, value in given.items())

    def nothing_holds(self, name: str, value: Any) -> bool | None:
        if name == "isNull":
            return value is True
        if name == "and":
            return worst(self.link_holds("", None, part) for part in value)
        if name == "or":
            return opposite(worst(opposite(self.link_holds("", None, part)) for part in value))
        return opposite(self.link_holds("", None, value)) if name == "not" else None

    # ------------------------------------------------------------------ figures

    def counted_invoices(self, first: date | None, last: date | None) -> list[Row]:
        return [
            invoice
            for invoice in self.seen("Invoice")
            if self.is_billing(invoice)
            and invoice["date"] is not None
            and (first is None or invoice["date"] >= first)
            and (last is None or invoice["date"] <= last)
        ]

    def is_billing(self, invoice: Row) -> bool:
        status = self.find("InvoiceStatus", invoice["status_id"])
        return status is not None and status["sent"] and bool(invoice["number"])

    def counted_costs(self, first: date, last: date) -> list[Row]:
        return [
            cost
            for cost in self.seen("Cost")
            if first <= cost["date"] <= last
            and not any(case["id"] == cost["case_id"] and case["is_internal"] for case in self.rows["Case"])
        ]

    def category(self, case: Row) -> Any:
        status = self.find("SalesStatus", case["sales_status_id"])
        return status and status["category"]

    def open_cases(self, customer: Row) -> list[Row]:
        """Those that the viewer may see and that are not internal."""
        return [
            case
            for case in self.seen("Case")
            if case["customer_id"] == customer["id"] and case["is_open"] and not case["is_internal"]
        ]

    def is_active(self, customer: Row) -> bool:
        return not customer["is_internal"] and bool(self.open_cases(customer))

    def is_prospect(self, customer: Row) -> bool:
        cases = [case for case in self.rows["Case"] if case["customer_id"] == customer["id"]]
        invoices = [invoice for invoice in self.rows["Invoice"] if invoice["customer_id"] == customer["id"]]
        return (
            not customer["is_internal"]
            and any(self.category(case) == "IN_PROGRESS" for case in self.open_cases(customer))
            and not any(self.category(case) == "WON" for case in cases)
            and not any(self.is_billing(invoice) for invoice in invoices)
        )

    def kpis(self, ask: Ask) -> Any:
        day = ask.arguments["asOf"]
        parts = {
            "__typename": lambda part: "Kpis",
            "asOf": lambda part: day.isoformat(),
            "timezone": lambda part: self.viewer.timezone,
            "currency": lambda part: self.viewer.currency,
            "marginThisYear": lambda part: self.margin(day, part),
            "billingThisMonth": lambda part: self.billing_of_month(day, part),
            "activeCustomers": lambda part: self.customer_count(self.is_active, part),
            "prospectsInPipeline": lambda part: self.customer_count(self.is_prospect, part),
            "history": lambda part: self.history(day, part),
        }
        return {part.key: parts[part.name](part) for part in ask.fields}

    def figure(self, ask: Ask, values: Mapping[str, Any], lists: Mapping[str, Callable[[Ask], Any]]) -> Any:
        """A figure of the strip: its values, and the lists behind it."""
        return {
            part.key: lists[part.name](part) if part.name in lists else shaped(ask.type, (part,), values)[part.key]
            for part in ask.fields
        }

    def figure_of(self, amount: Decimal) -> dict[str, Any]:
        """An amount with all decimals of the organisation's currency."""
        return self.money(amount.quantize(Decimal(1).scaleb(-MINOR_UNITS[self.viewer.currency])))

    def margin(self, day: date, ask: Ask) -> Any:
        first, last = date(day.year, 1, 1), date(day.year, 12, 31)
        invoices, costs = self.counted_invoices(first, last), self.counted_costs(first, last)
        told = self.may.read_invoices == self.may.read_costs == "ALL"
        values = {
            "from": first,
            "to": last,
            "billing": self.figure_of(total(invoices)),
            "totalCost": self.figure_of(total(costs)) if told else None,
            "value": self.figure_of(total(invoices) - total(costs)) if told else None,
            "reason": None if told else NOT_ALL_SEEN,
        }
        lists: dict[str, Callable[[Ask], Any]] = {
            "invoices": lambda part: self.page("Invoice", invoices, part),
            "costs": lambda part: self.page("Cost", costs, part),
        }
        return self.figure(ask, values, lists)

    def billing_of_month(self, day: date, ask: Ask) -> Any:
        first, last = whole_month(day)
        first_before, last_before = whole_month(first - timedelta(days=1))
        same_day = min(first_before + timedelta(days=day.day - 1), last_before)
        this = self.counted_invoices(first, last)
        before = self.counted_invoices(first_before, last_before)
        change, previous = total(this) - total(before), total(before)
        percent = change / abs(previous) * 100 if previous else None
        values = {
            "from": first,
            "to": last,
            "value": self.figure_of(total(this)),
            "previous": self.figure_of(previous),
            "previousToDate": self.figure_of(total(self.counted_invoices(first_before, same_day))),
            "change": self.figure_of(change),
            "changePercent": percent and percent.quantize(Decimal("0.1"), ROUND_HALF_UP),
        }
        months = {"THIS": this, "PREVIOUS": before}
        lists = {"invoices": lambda part: self.page("Invoice", months[part.arguments.get("month", "THIS")], part)}
        return self.figure(ask, values, lists)

    def history(self, day: date, ask: Ask) -> Any:
        """Whole months up to and with the day's, oldest first."""
        told = self.may.read_invoices == self.may.read_costs == "ALL"
        months = [whole_month(day)]
        while len(months) < ask.arguments.get("months", 12):
            months.insert(0, whole_month(months[0][0] - timedelta(days=1)))
        values = []
        for first, last in months:
            billing, cost = total(self.counted_invoices(first, last)), total(self.counted_costs(first, last))
            values.append(
                {
                    "from": first,
                    "to": last,
                    "billing": self.figure_of(billing),
                    "totalCost": self.figure_of(cost) if told else None,
                    "margin": self.figure_of(billing - cost) if told else None,
                }
            )
        return shaped("KpiMonth", ask.fields, values)

    def customer_count(self, counts: Callable[[Row], bool], ask: Ask) -> Any:
        customers = [row for row in self.seen("Customer") if counts(row)]
        lists = {"customers": lambda part: self.page("Customer", customers, part)}
        return self.figure(ask, {"value": len(customers)}, lists)


# ---------------------------------------------------------------------- values


def shaped(type_name: str, asks: Sequence[Ask], value: Any) -> Any:
    """A value as JSON; of objects what is asked."""
    if isinstance(value, list | tuple):
        return [shaped(type_name, asks, item) for item in value]
    if isinstance(value, dict) and asks:
        return {
            ask.key: type_name if ask.name == "__typename" else shaped(ask.type, ask.fields, value[ask.name])
            for ask in asks
        }
    return rendered(value)


def rendered(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        whole, _, rest = value.isoformat().removesuffix("+00:00").partition(".")
        return (f"{whole}.{rest.rstrip('0')}" if rest else whole) + "+00:00"
    return value.isoformat() if isinstance(value, date) else value


def str_of(right: Any) -> Any:
    return right if isinstance(right, bool) else str(right)


def snake(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)


def camel(name: str) -> str:
    return re.sub("_([a-z])", lambda letter: letter[1].upper(), name)


def camels(row: Row) -> Row:
    return {camel(name): value for name, value in row.items()}


def total(rows: Any) -> Decimal:
    """The sum of their home amounts."""
    return sum((row["home_amount"] for row in rows), Decimal(0))


def whole_month(day: date) -> tuple[date, date]:
    return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])


def unrolled(key: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """A sort key as the path to the value, and its direction."""
    ((name, value),) = key.items()
    if isinstance(value, str):
        return (name,), value
    path, direction = unrolled(value)
    return (name, *path), direction


def worst(answers: Any) -> bool | None:
    """True where all are, False where one is, else open."""
    known = list(answers)
    return False if False in known else None if None in known else True


def opposite(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O"})


def folded(text: str) -> str:
    """Without case and accents."""
    bare = "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    return bare.translate(LETTERS).lower()


def are_like(one: str, other: str) -> bool:
    """Whether half of the groups of three letters that either name has are in both, legal forms aside."""
    mine, theirs = trigrams(one), trigrams(other)
    return 2 * len(mine & theirs) >= len(mine | theirs) > 0


def trigrams(name: str) -> set[str]:
    """The groups of three letters of each word, as if it had two blanks in front and one behind."""
    words = re.findall(r"[^\W_]+", folded(name))
    padded = [f"  {word} " for word in words if word not in LEGAL_FORMS] or [f"  {word} " for word in words]
    return {word[start : start + 3] for word in padded for start in range(len(word) - 2)}


def compared(operator: str, value: Any, operand: Any) -> bool:
    """A null value is not equal to anything and not in any list."""
    if operator == "isNull":
        return (value is None) == operand
    if operator in ("neq", "notIn"):
        return not compared({"neq": "eq", "notIn": "in"}[operator], value, operand)
    if value is None:
        return False
    return {
        "eq": lambda: value == operand,
        "in": lambda: value in operand,
        "gt": lambda: value > operand,
        "gte": lambda: value >= operand,
        "lt": lambda: value < operand,
        "lte": lambda: value <= operand,
        "contains": lambda: folded(operand) in folded(value),
        "startsWith": lambda: folded(value).startswith(folded(operand)),
    }[operator]()

"""Stand-ins for the Finnish and the Norwegian register: they speak as those do, of invented companies, on this machine.

Only what the adapters ask is there: Finland's `/companies` by name or number, Norway's `/enheter` and `/underenheter`.
"""

import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plugins.contract import CompanyStatus

PAGE = 100
"""Companies on a page of the Finnish register, whatever one asks for."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A company as a register has it."""

    country: str
    """`FI` or `NO`."""
    business_id: str
    """As the register writes it."""
    name: str
    since: date
    status: CompanyStatus = CompanyStatus.ACTIVE
    street: str | None = None
    box: str | None = None
    """Number of a post-office box in the same town."""
    post_code: str | None = None
    city: str | None = None
    phone: str | None = None
    email: str | None = None
    website: str | None = None
    industry: tuple[str, str] | None = None
    """NACE code with its dot, and what it is called."""
    is_vat_registered: bool = True
    is_person: bool = False
    """A sole trader, in Norway."""
    part_of: str | None = None
    """Number of the unit whose sub-unit it is, in Norway."""
    is_withdrawn: bool = False
    """Taken away for legal reasons, in Norway."""


@contextmanager
def stand_ins(entries: Sequence[Entry]) -> Iterator[Mapping[str, str]]:
    """Both registers for as long as they are needed; what to set so that their adapters ask them, by name."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(registers(entries), log_level="warning", access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True, name="stand-ins")
        thread.start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            yield {"FI_BASE_URL": f"{address}/fi", "NO_BASE_URL": f"{address}/no"}
        finally:
            server.should_exit = True
            thread.join()


def registers(entries: Sequence[Entry]) -> Starlette:
    """The registers as one application: `/fi` and `/no`."""
    finland = [entry for entry in entries if entry.country == "FI"]
    norway = [entry for entry in entries if entry.country == "NO"]
    units = [entry for entry in norway if entry.part_of is None]
    parts = [entry for entry in norway if entry.part_of is not None]
    return Starlette(
        routes=[
            Route("/fi/companies", _finnish(finland)),
            *_norwegian("enheter", units, _unit),
            *_norwegian("underenheter", parts, _sub_unit),
        ]
    )


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


# ---------------------------------------------------------------- Finland

FORMS = {
    "Oy": ("16", "Osakeyhtiö", "Aktiebolag", "Limited company"),
    "Oyj": ("17", "Julkinen osakeyhtiö", "Publikt aktiebolag", "Public limited company"),
    "Ky": ("13", "Kommandiittiyhtiö", "Kommanditbolag", "Limited partnership"),
}
SITUATIONS = {
    CompanyStatus.BANKRUPT: "KONK",
    CompanyStatus.LIQUIDATION: "SELTILA",
    CompanyStatus.RESTRUCTURING: "SANE",
}
TRADE_REGISTER = {
    CompanyStatus.DISSOLVED: ("4", "Lakannut", "Upphört", "Ceased"),
    CompanyStatus.NOT_YET_REGISTERED: ("3", "Rekisteröimätön", "Oregistrerad", "Start-up, not yet registered"),
}
REGISTERED = ("1", "Rekisterissä", "Registrerad", "Registered")


def _finnish(entries: Sequence[Entry]) -> Callable[[Request], Response]:
    by_number = {entry.business_id: entry for entry in entries}

    def companies(request: Request) -> Response:
        asked = request.query_params
        if "businessId" in asked:
            found = [by_number[asked["businessId"]]] if asked["businessId"] in by_number else []
        elif _words(asked.get("name", "")):
            found = [entry for entry in entries if " ".join(_words(asked["name"])) in " ".join(_words(entry.name))]
        else:
            return JSONResponse({"message": "Give a name or a businessId.", "errorcode": 1001}, status_code=400)
        return JSONResponse({"totalResults": len(found), "companies": [_company(entry) for entry in found[:PAGE]]})

    return companies


def _company(entry: Entry) -> Json:
    since, is_dissolved = entry.since.isoformat(), entry.status is CompanyStatus.DISSOLVED
    ended = {"endDate": entry.since.replace(year=entry.since.year + 4, day=1).isoformat()} if is_dissolved else {}
    state, *words = TRADE_REGISTER.get(entry.status, REGISTERED)
    registered = [{"type": state, "descriptions": _spoken(*words), "register": "1", "authority": "2"}]
    if entry.is_vat_registered:
        vat = ("Liiketoiminnasta arvonlisäverovelvollinen", "Momspliktig för rörelseverksamhet", "VAT-liable")
        registered.append({"type": "80", "descriptions": _spoken(*vat), "register": "6", "authority": "1", **ended})
    form = FORMS.get(entry.name.rpartition(" ")[2])
    situation = SITUATIONS.get(entry.status)
    return {
        "businessId": {"value": entry.business_id, "registrationDate": since, "source": "3"},
        "names": [{"name": entry.name, "type": "1", "registrationDate": since, "version": 1, "source": "1", **ended}],
        "companyForms": [{"type": form[0], "descriptions": _spoken(*form[1:]), "version": 1, "source": "1"}]
        if form
        else [],
        "companySituations": [{"type": situation, "registrationDate": since, "source": "1"}] if situation else [],
        "registeredEntries": [{"registrationDate": since, **each} for each in registered],
        "addresses": _finnish_addresses(entry),
        **_finnish_extras(entry),
        "tradeRegisterStatus": state,
        "status": "2",
        "registrationDate": since,
        "lastModified": f"{since}T10:04:06",
        **ended,
    }


def _finnish_addresses(entry: Entry) -> list[Json]:
    town = {
        "postCode": entry.post_code or "",
        "postOffices": [{"city": (entry.city or "").upper(), "languageCode": "1"}],
        "co": "",
        "source": "0",
    }
    visiting = {"type": 1, "street": entry.street, **town} if entry.street else None
    postal = {"type": 2, "street": "", "postOfficeBox": entry.box, **town} if entry.box else None
    return [each for each in (visiting, postal) if each]


def _finnish_extras(entry: Entry) -> Json:
    extras: Json = {}
    if entry.industry:
        code, label = entry.industry
        digits = code.replace(".", "").ljust(5, "0")
        line = {"type": digits, "descriptions": _spoken(label, label, label), "typeCodeSet": "TOIMI3", "source": "2"}
        extras["mainBusinessLine"] = line
    if entry.website:
        extras["website"] = {"url": entry.website.removeprefix("https://"), "source": "0"}
    return extras


def _spoken(*words: str) -> list[Json]:
    """Finnish, Swedish, English."""
    return [{"languageCode": str(code), "description": word} for code, word in enumerate(words, 1)]


# ---------------------------------------------------------------- Norway

FLAGS: Mapping[CompanyStatus, Json] = {
    CompanyStatus.BANKRUPT: {"konkurs": True},
    CompanyStatus.LIQUIDATION: {"underAvvikling": True},
    CompanyStatus.RESTRUCTURING: {"underRekonstruksjonsforhandlingDato": "2026-01-15"},
}
NO_FLAGS = {"konkurs": False, "underAvvikling": False, "underTvangsavviklingEllerTvangsopplosning": False}


def _norwegian(kind: str, entries: Sequence[Entry], written: Callable[[Entry], Json]) -> list[Route]:
    """How units of a kind are searched and looked up."""
    by_number = {entry.business_id: entry for entry in entries}

    def search(request: Request) -> Response:
        asked, size = request.query_params, int(request.query_params.get("size", 20))
        wanted = set(_words(asked.get("navn", "")))
        matches = [(len(wanted & set(_words(entry.name))), entry) for entry in entries if not entry.is_withdrawn]
        found = [entry for score, entry in sorted(matches, key=lambda match: -match[0]) if score]
        page = {"size": size, "totalElements": len(found), "totalPages": -(-len(found) // size), "number": 0}
        shown = {"_embedded": {kind: [written(entry) for entry in found[:size]]}} if found else {}
        return JSONResponse({**shown, "page": page})

    def lookup(request: Request) -> Response:
        entry = by_number.get(request.path_params["number"])
        if entry is None:
            return Response(status_code=404)
        if entry.is_withdrawn:
            withdrawn = {"organisasjonsnummer": entry.business_id, "slettedato": entry.since.isoformat()}
            return JSONResponse(withdrawn, status_code=410)
        return JSONResponse(written(entry))

    return [Route(f"/no/{kind}", search), Route(f"/no/{kind}/{{number}}", lookup)]


def _unit(entry: Entry) -> Json:
    form, words = ("ENK", "Enkeltpersonforetak") if entry.is_person else ("AS", "Aksjeselskap")
    head: Json = {
        "organisasjonsnummer": entry.business_id,
        "navn": entry.name.upper(),
        "organisasjonsform": {"kode": form, "beskrivelse": words},
    }
    if entry.status is CompanyStatus.DISSOLVED:
        return {**head, "slettedato": "2025-09-30", "respons_klasse": "SlettetEnhet"}
    return {
        **head,
        **_norwegian_facts(entry),
        "registrertIMvaregisteret": entry.is_vat_registered,
        "forretningsadresse": _norwegian_address(entry, entry.street),
        **({"postadresse": _norwegian_address(entry, f"Postboks {entry.box}")} if entry.box else {}),
        **NO_FLAGS,
        **FLAGS.get(entry.status, {}),
        "respons_klasse": "Enhet",
    }


def _sub_unit(entry: Entry) -> Json:
    return {
        "organisasjonsnummer": entry.business_id,
        "navn": entry.name.upper(),
        "organisasjonsform": {"kode": "BEDR", "beskrivelse": "Bedrift"},
        **_norwegian_facts(entry),
        "registrertIMvaregisteret": False,
        "overordnetEnhet": entry.part_of,
        "beliggenhetsadresse": _norwegian_address(entry, entry.street),
        "respons_klasse": "Underenhet",
    }


def _norwegian_facts(entry: Entry) -> Json:
    facts: Json = {"registreringsdatoEnhetsregisteret": entry.since.isoformat()}
    if entry.industry:
        code, label = entry.industry
        facts["naeringskode1"] = {"kode": code.ljust(6, "0"), "beskrivelse": label}
    given = {"telefon": entry.phone, "epostadresse": entry.email, "hjemmeside": entry.website}
    return facts | {member: value for member, value in given.items() if value}


def _norwegian_address(entry: Entry, line: str | None) -> Json:
    return {
        "land": "Norge",
        "landkode": "NO",
        "postnummer": entry.post_code,
        "poststed": (entry.city or "").upper(),
        "adresse": [line, None],
    }

"""France: Recherche d'entreprises, which joins Sirene and the national register of businesses."""

import re
from collections.abc import Sequence
from datetime import date

from stdnum.exceptions import ValidationError
from stdnum.fr import siren, siret, tva
from stdnum.util import clean

from plugins.client import RegistryClient
from plugins.contract import (
    Address,
    AddressKind,
    Company,
    CompanyStatus,
    IndustryCode,
    NotFound,
    Number,
    NumberKind,
    RegistryAdapter,
    RegistryInfo,
    RejectedInput,
    SearchResult,
    hookimpl,
)
from plugins.paging import search_pages
from plugins.record import Record, country_code, joined, with_list

KARTOTEK_CONTRACT = 1

LARGEST_PAGE = 25
WANTED = {"minimal": "true", "include": "siege,complements,tva"}
"""Without officers, who are persons, establishments and finances."""

# It knows nothing of insolvencies: those stand in another register, and such a company is active here.
STATUSES = {"A": (CompanyStatus.ACTIVE, "active"), "C": (CompanyStatus.DISSOLVED, "cessée")}

PUBLIC = "O"
HIDDEN = re.compile(r"\[(?:ND|NON-DIFFUSIBLE)\]")
"""What stands in place of what a company has asked to keep from the public."""

SOLE_TRADER = "1"
# The register gives a code of four digits alone. The first two say enough, but for what everybody knows by its letters.
LEGAL_FORMS = {
    "5710": "Société par actions simplifiée (SAS)",
    "6540": "Société civile immobilière (SCI)",
    "10": "Entrepreneur individuel",
    "21": "Indivision",
    "22": "Société créée de fait",
    "23": "Société en participation",
    "31": "Société étrangère immatriculée au RCS",
    "32": "Personne morale de droit étranger",
    "41": "Établissement public industriel ou commercial",
    "52": "Société en nom collectif",
    "53": "Société en commandite",
    "54": "Société à responsabilité limitée (SARL)",
    "55": "Société anonyme à conseil d'administration",
    "56": "Société anonyme à directoire",
    "57": "Société par actions simplifiée",
    "58": "Société européenne",
    "62": "Groupement d'intérêt économique",
    "63": "Société coopérative agricole",
    "65": "Société civile",
    "71": "Administration de l'État",
    "72": "Collectivité territoriale",
    "73": "Établissement public administratif",
    "82": "Organisme mutualiste",
    "84": "Organisme professionnel",
    "91": "Syndicat de propriétaires",
    "92": "Association",
    "93": "Fondation",
}

NAF_2025 = date(2027, 1, 1)
"""From this day `activite_principale` has codes of NAF 2025; until then they are in a member of their own."""

NUMBER = re.compile(r"(?:(FR[0-9A-HJ-NP-Z]{2})?(\d{9})|(\d{14}))", re.ASCII)
CARE_OF = re.compile(r"\b(?:chez|c/o)\b|^(?:mr?|mme|mlle|monsieur|madame)\b", re.IGNORECASE)


class RechercheEntreprises(RegistryAdapter):
    """All businesses of France and its overseas departments, without those that nobody may see."""

    info = RegistryInfo(
        id="fr-recherche-entreprises",
        name="Recherche d'entreprises",
        aliases=("Annuaire des entreprises", "Sirene", "INSEE"),
        countries=("FR", "GF", "GP", "MQ", "RE", "YT"),
        locales=("fr",),
        base_url="https://recherche-entreprises.api.gouv.fr",
        looks_up_by_vat=True,
        calls_per_second=5.0,  # of seven that are allowed for each address
        licence="Licence Ouverte 2.0",
        attribution="INSEE, INPI and DINUM, Recherche d'entreprises",
        homepage="https://annuaire-entreprises.data.gouv.fr",
    )

    def read_number(self, text: str) -> Number | None:
        """A SIREN; a SIRET, which numbers an establishment, is cut to it; as a VAT number `FR` and a key in front."""
        found = NUMBER.fullmatch(clean(text, " -./:").upper())
        if found is None:
            return None
        key, number, establishment = found.groups()
        try:
            if key:
                return Number(tva.validate(key + number)[2:], NumberKind.VAT_NUMBER)
            return Number(siren.validate(number or siret.validate(establishment)[:9]))
        except ValidationError:
            return None

    async def search(self, client: RegistryClient, name: str, limit: int) -> SearchResult:
        """By names, addresses and officers, best first; as many pages as the limit needs."""
        size = min(limit, LARGEST_PAGE)

        async def page(number: int) -> SearchResult:
            answer = await _ask(client, name, page=number + 1, per_page=size)
            rows = list(answer.each("results"))
            hits = [company for row in rows if (company := _company(row))]
            return SearchResult(
                hits, has_more=bool(rows) and answer.number("total_results") > number * size + len(rows)
            )

        try:
            return await search_pages(page, limit)
        except RejectedInput as error:
            raise RejectedInput(
                f"{self.info.name} does not search for this; it takes three letters or more."
            ) from error

    async def lookup(self, client: RegistryClient, business_id: str) -> Company:
        """A search whose text is a SIREN finds that company and nothing else; where there is none, nothing."""
        answer = await _ask(client, business_id, page=1, per_page=1)
        found = (_company(each) for each in answer.each("results"))
        company = next((each for each in found if each and each.business_id == business_id), None)
        if company is None:
            raise NotFound(f"{self.info.name} has no company with the number {business_id}.")
        return company


async def _ask(client: RegistryClient, text: str, **paging: int) -> Record:
    return with_list(await client.get_json("/search", params={"q": text, **WANTED, **paging}), "results")


def _company(record: Record) -> Company | None:
    """Officers are left out even where the answer has them."""
    business_id, legal_name, name = (record.text(each) for each in ("siren", "nom_raison_sociale", "nom_complet"))
    name = _shown(legal_name) or name or legal_name
    if business_id is None or name is None:
        return None
    status, words = STATUSES.get(record.text("etat_administratif") or "", (CompanyStatus.UNKNOWN, None))
    return Company(
        country="FR",
        business_id=business_id,
        name=name,
        status=status,
        status_text=words or record.text("etat_administratif"),
        legal_form=_legal_form(record.text("nature_juridique")),
        vat_number=_vat_number(record, business_id),
        industry=_industry(record),
        addresses=_addresses(record.of("siege")),
        is_natural_person=_is_natural_person(record),
        registered_on=record.day("date_creation"),
        dissolved_on=record.day("date_fermeture") if status is CompanyStatus.DISSOLVED else None,
    )


def _is_natural_person(record: Record) -> bool:
    """Who has opposed being shown is treated as one: most are, and the others wish to be protected as well."""
    is_sole_trader = record.of("complements").flag("est_entrepreneur_individuel")
    has_persons_form = (record.text("nature_juridique") or "").startswith(SOLE_TRADER)
    return is_sole_trader or has_persons_form or record.text("statut_diffusion") not in (PUBLIC, None)


def _legal_form(code: str | None) -> str | None:
    return LEGAL_FORMS.get(code, LEGAL_FORMS.get(code[:2])) if code else None


def _vat_number(record: Record, business_id: str) -> str | None:
    """The first of the active ones, the company's own before that of a group.

    Every SIREN makes a VAT number, but small businesses are exempt and have none. So where the list is missing, as in
    answers of 2025, or empty, nothing says that there is one, and none is worked out.
    """
    numbers = [number for text in record.texts("tva") if (number := _read_vat_number(text))]
    return next((each for each in numbers if each.endswith(business_id)), next(iter(numbers), None))


def _read_vat_number(text: str) -> str | None:
    """Whether the list has them with `FR` in front is not said: both are taken."""
    try:
        return f"FR{tva.validate(text)}"
    except ValidationError:
        return None


def _industry(record: Record) -> IndustryCode | None:
    """The code in force. Which classification it is of is not said, so the last change of the record has to tell."""
    code, next_code = record.text("activite_principale"), record.text("activite_principale_naf25")
    changed = record.day("date_mise_a_jour_insee", "date_mise_a_jour")
    if code is None:
        return IndustryCode(scheme="NAF2025", code=next_code) if next_code else None
    is_new = next_code is None and changed is not None and changed >= NAF_2025
    return IndustryCode(scheme="NAF2025" if is_new else "NAF2", code=code)


def _addresses(seat: Record) -> tuple[Address, ...]:
    """The seat. A foreign one has its town and country in other members."""
    country = _shown(seat.text("libelle_pays_etranger"))
    code = country_code(country, "fr")
    city = _shown(seat.text("libelle_commune_etranger", "libelle_cedex", "libelle_commune"))
    street = _street(seat)
    if not (street or city):
        return ()
    return (
        Address(
            kind=AddressKind.VISITING,
            street=street,
            post_code=_shown(seat.text("cedex", "code_postal")),
            city=city,
            region=country if code is None else None,
            country=code,
        ),
    )


def _street(seat: Record) -> str | None:
    """From its parts, else from the address in one line, which has all of them and ends with post code and town."""
    names = ("numero_voie", "indice_repetition", "type_voie", "libelle_voie")
    way = joined(*(_shown(seat.text(name)) for name in names))
    if _shown(seat.text("libelle_voie")):
        lines = [_no_person(seat.text("complement_adresse")), way, _shown(seat.text("distribution_speciale"))]
        return joined(*lines, by=", ")
    ending = joined(seat.text("cedex", "code_postal"), seat.text("libelle_cedex", "libelle_commune")) or ""
    line = _no_person((seat.text("adresse") or "").removesuffix(ending).strip())
    return line or _shown(seat.text("distribution_speciale"))


def _no_person(line: str | None) -> str | None:
    """The line unless it names at whose place the seat is."""
    return None if line is None or CARE_OF.search(line) else _shown(line)


def _shown(text: str | None) -> str | None:
    return None if text is None or HIDDEN.search(text) else text


@hookimpl
def kartotek_registries(locale: str) -> Sequence[RegistryAdapter]:
    """Recherche d'entreprises, in French for everybody."""
    return [RechercheEntreprises()]

"""Whether a VAT number is valid, as VIES says; it often cannot tell, and nothing follows from that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from db.models import ProblemCode
from db.models.base import now
from plugins.contract import RegistryError
from plugins.vies import PREFIXES, VatValidity
from resolvers.problems import Problem, invalid
from resolvers.registration import vat_number as spelt
from resolvers.registries import Registries
from resolvers.registry_search import problem_of
from resolvers.validation import Wrong, shown
from resolvers.viewer import Viewer


@dataclass(frozen=True)
class VatCheck:
    """What came of a check."""

    vat_number: str
    validity: VatValidity
    checked_at: datetime
    name: str | None = None
    problems: Sequence[Problem] = ()


async def check_vat_number(registries: Registries, viewer: Viewer, text: str, country: str | None = None) -> VatCheck:
    """Ask VIES for a number in any common spelling; without a prefix it is of `country`, else of the organisation's.

    Whatever keeps it from an answer is a problem with the path `("vatNumber",)`, and then it could not tell.
    """
    try:
        number = spelt(text, country or viewer.country)
    except Wrong as wrong:
        return _untold(text, invalid(wrong.message, "vatNumber"))
    if number[:2] not in PREFIXES:
        message = f"VIES knows the numbers of the Union; {shown(number)} is none of them."
        return _untold(number, Problem(ProblemCode.REGISTRY_UNSUPPORTED, message, ("vatNumber",)))
    try:
        fetched = await registries.check_vat_number(number)
    except RegistryError as error:
        return _untold(number, problem_of(error, "vatNumber"))
    return VatCheck(number, fetched.value.validity, fetched.fetched_at, fetched.value.name)


def _untold(number: str, problem: Problem) -> VatCheck:
    return VatCheck(number, VatValidity.COULD_NOT_TELL, now(), problems=(problem,))

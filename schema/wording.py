"""Words that the API says in the language of whoever asks: in English in the code, in the others in `schema/locale`.

`make messages` brings the catalogues up to the code; a translator then fills in what is empty.
"""

from functools import lru_cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

CATALOGUES = Path(__file__).parent / "locale"
SOURCE = "en"
LANGUAGES = (SOURCE, "fi", "sv", "nb", "da")
ALIASES = {"no": "nb", "nn": "nb"}


def N_(text: str) -> str:  # noqa: N802, the name that tools look for
    """The text as it is; marks it for the catalogues."""
    return text


def translated(text: str, language: str) -> str:
    """The text in one of `LANGUAGES`."""
    if language == SOURCE:
        return text
    message = catalogue(language).get(text)
    return str(message.string) if message else text


@lru_cache
def catalogue(language: str) -> Catalog:
    """All that is said in one of `LANGUAGES` but that of the code."""
    with catalogue_path(language).open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def catalogue_path(language: str) -> Path:
    """Where a catalogue is kept, as Babel does it."""
    return CATALOGUES / language / "LC_MESSAGES" / "kartotek.po"


@lru_cache(maxsize=500)
def language_for(accepted: str | None, locale: str) -> str:
    """The language of an answer: the best of the header `Accept-Language` that there is, else the organisation's.

    `locale` is the organisation's, such as `fi` or `nb-NO`; English where neither is among `LANGUAGES`.
    """
    return _spoken(*accepted_languages(accepted or "")) or _spoken(locale) or SOURCE


def _spoken(*tags: str) -> str | None:
    first = (tag.replace("_", "-").partition("-")[0].lower() for tag in tags)
    return next((language for part in first if (language := ALIASES.get(part, part)) in LANGUAGES), None)


def accepted_languages(header: str) -> list[str]:
    """The language tags of an `Accept-Language` header, the most wanted first (RFC 9110, section 12.5.4).

    Those of quality 0 are left out, and so is what cannot be read.
    """
    weighed = []
    for part in header.split(","):
        tag, _, parameter = part.partition(";")
        name, _, quality = parameter.partition("=")
        try:
            weight = float(quality) if name.strip().lower() == "q" else 1.0
        except ValueError:
            continue
        if tag.strip() and weight > 0:
            weighed.append((-weight, tag.strip()))
    return [tag for _, tag in sorted(weighed, key=lambda each: each[0])]

"""Legal forms: words of a company's name that say of what kind it is, not which one."""

import re
import unicodedata
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from resolvers.rendering import literal, text

Expression = sa.ColumnElement[Any]

# Folded, without points and strokes: those of the Nordic and Baltic countries, then of Europe's larger ones.
SHORT = (
    "ab", "aj", "as", "asa", "ans", "aps", "asoy", "ay", "ba", "da", "ehf", "ek", "enk", "fie", "fkf", "hb", "hf",
    "iks", "is", "ivs", "kb", "kf", "ks", "ky", "nuf", "ou", "oy", "oyj", "ps", "sf", "sia", "tmi", "tu", "uab",
    "ag", "bv", "bvba", "co", "cv", "doo", "eg", "ei", "ev", "eurl", "gbr", "gmbh", "inc", "kft", "kg", "kgaa", "lda",
    "llc", "llp", "lp", "ltd", "mbh", "nv", "ohg", "oo", "ooo", "plc", "pte", "pty", "rt", "sa", "sarl", "sas", "sasu",
    "sl", "snc", "sp", "spa", "spzoo", "srl", "sro", "ug", "vof", "vos", "zrt",
)  # fmt: skip
LONG = (
    "aksjeselskap", "aktiebolag", "aktiengesellschaft", "aktieselskab", "aktsiaselts", "anpartsselskab", "asunto",
    "company", "corporation", "handelsbolag", "incorporated", "interessentskab", "kommandiittiyhtio",
    "kommanditbolag", "limited", "osakeyhtio", "osauhing", "osuuskunta", "toiminimi", "yhtio",
)  # fmt: skip

_ALL = frozenset((*SHORT, *LONG))
_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th"})

_WORDS = literal(f"'{{{','.join((*SHORT, *LONG))}}}'::text[]")


def without_legal_forms(name: Expression) -> Expression:
    """The words of a folded name but for legal forms (`a/s` and `s.r.o.` are some); all where none would be left."""
    plain = sa.func.translate(name, text("./"), text(""))
    word = sa.func.string_to_table(plain, text(" "), type_=sa.Text).column_valued("word")
    rest = sa.select(sa.func.string_agg(word, text(" "), type_=sa.Text)).where(word != sa.all_(_WORDS))
    return sa.func.coalesce(rest.scalar_subquery(), name, type_=sa.Text)


@lru_cache(maxsize=10_000)
def core_words(name: str) -> tuple[str, ...]:
    """The words of a name, folded and but for legal forms; all where none would be left."""
    letters = unicodedata.normalize("NFKD", name.casefold()).translate(_LETTERS)
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    words = re.findall(r"[^\W_]+", bare.replace(".", "").replace("/", ""))
    return tuple(word for word in words if word not in _ALL) or tuple(words)

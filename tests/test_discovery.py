"""Plugins are found, and none that cannot be used stops another."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, distributions
from importlib.metadata import entry_points as installed_entry_points
from pathlib import Path
from textwrap import dedent, indent

import pytest

from plugins.contract import ENTRY_POINTS, PluginProblem
from plugins.discovery import Discovered, discover

GOOD = """
from kartotek import Company, Number, RegistryAdapter, RegistryInfo, hookimpl

KARTOTEK_CONTRACT = 1


class Adapter(RegistryAdapter):
    def __init__(self, id, *countries, **more):
        told = {"name": "Register", "base_url": "https://register.example/api", "searches_by_name": False, **more}
        self.info = RegistryInfo(id=id, countries=countries, **told)

    def read_number(self, text):
        return None

    async def lookup(self, client, business_id):
        raise NotImplementedError
"""


def a_plugin(*adapters: str, more: str = "", locale: str = "locale") -> str:
    """The source of a plugin that hands over these adapters."""
    hook = f"@hookimpl\ndef kartotek_registries({locale}):\n    return [{', '.join(adapters)}]\n"
    return f"{GOOD}\n{dedent(more)}\n\n{hook}"


def failing(hook: str) -> str:
    """The source of a plugin whose hook has this body."""
    return f"{GOOD}\n\n@hookimpl\ndef kartotek_registries(locale):\n{indent(dedent(hook), '    ')}\n"


Install = Callable[..., list[EntryPoint]]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Writes a package with a plugin for each source, as an installer would, and answers their entry points."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def write(**sources: str) -> list[EntryPoint]:
        for name, source in sources.items():
            (tmp_path / f"plugin_{name}.py").write_text(source)
            metadata = tmp_path / f"kartotek_{name}-2.1.dist-info"
            metadata.mkdir()
            (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: kartotek-{name}\nVersion: 2.1\n")
            (metadata / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\n{name} = plugin_{name}\n")
        found = [point for each in distributions(path=[str(tmp_path)]) for point in each.entry_points]
        assert len(found) == len(sources)
        return found

    yield write
    for name in set(sys.modules) - before:
        if name.startswith("plugin_"):
            del sys.modules[name]


def found_in(discovered: Discovered) -> Mapping[str, str]:
    return {country: each.info.id for country, each in discovered.by_country.items()}


def only_problem(discovered: Discovered) -> PluginProblem:
    (problem,) = discovered.problems
    return problem


# ---------------------------------------------------------------- what works


def test_registries_are_found_by_country_with_the_package_they_come_from(install: Install):
    points = install(de=a_plugin('Adapter("de-hr", "DE")'), nordic=a_plugin('Adapter("fo-skra", "FO", "GL")'))
    discovered = discover("de-DE", entry_points=points)
    assert discovered.problems == ()
    assert found_in(discovered) == {"DE": "de-hr", "FO": "fo-skra", "GL": "fo-skra"}
    registry = discovered.by_country["DE"]
    assert (registry.plugin, registry.distribution, registry.version) == ("de", "kartotek-de", "2.1")
    assert [each.info.id for each in discovered.registries] == ["de-hr", "fo-skra"]


def test_a_plugin_hears_the_locale_and_may_do_without(install: Install):
    points = install(
        a=a_plugin('Adapter("a-" + locale.lower(), "AA")'), b=a_plugin('Adapter("b-reg", "BB")', locale="")
    )
    assert found_in(discover("sv-FI", entry_points=points)) == {"AA": "a-sv-fi", "BB": "b-reg"}


def test_a_plugin_may_have_nothing_for_a_locale(install: Install):
    discovered = discover("sv-FI", entry_points=install(a=a_plugin()))
    assert (discovered.registries, discovered.problems) == ((), ())


def test_a_hook_may_bear_another_name_if_it_says_so(install: Install):
    source = a_plugin('Adapter("a-reg", "AA")').replace("@hookimpl\n", '@hookimpl(specname="kartotek_registries")\n')
    points = install(a=source.replace("def kartotek_registries", "def registers"))
    assert found_in(discover("en", entry_points=points)) == {"AA": "a-reg"}


def test_a_worldwide_registry_answers_for_countries_without_their_own(install: Install):
    points = install(de=a_plugin('Adapter("de-hr", "DE")'), world=a_plugin('Adapter("world")'))
    discovered = discover("en", entry_points=points)
    assert discovered.problems == ()
    assert discovered.worldwide
    assert discovered.worldwide.info.id == "world"
    assert [registry.info.id for country in ("DE", "BR") if (registry := discovered.find_registry(country))] == [
        "de-hr",
        "world",
    ]
    assert discovered.find_adapter("BR") is discovered.worldwide.adapter


def test_nothing_is_remembered_from_one_call_to_the_next(install: Install):
    points = install(a=a_plugin('Adapter("a-" + locale, "AA")'))
    assert [found_in(discover(locale, entry_points=points))["AA"] for locale in ("fi", "sv", "fi")] == [
        "a-fi",
        "a-sv",
        "a-fi",
    ]
    assert discover("fi", entry_points=()).registries == ()


# ---------------------------------------------------------------- what does not

WRONG = {
    "no module": (None, "plugin_bad cannot be imported: ModuleNotFoundError: No module named 'plugin_bad'"),
    "raises": ("1 / 0", "plugin_bad cannot be imported: ZeroDivisionError: division by zero"),
    "leaves": ("raise SystemExit(3)", "plugin_bad cannot be imported: SystemExit: 3"),
    "no Python": ("def", "plugin_bad cannot be imported: SyntaxError"),
    "no contract": (
        a_plugin().replace("KARTOTEK_CONTRACT", "CONTRACT"),
        "does not say for which version of the contract it was written: write KARTOTEK_CONTRACT = 1 in it.",
    ),
    "older contract": (
        a_plugin().replace("KARTOTEK_CONTRACT = 1", "KARTOTEK_CONTRACT = 0"),
        "was written for version 0 of the contract, and this Kartotek has version 1: upgrade the plugin.",
    ),
    "newer contract": (
        a_plugin().replace("KARTOTEK_CONTRACT = 1", "KARTOTEK_CONTRACT = 2"),
        "was written for version 2 of the contract, and this Kartotek has version 1: upgrade Kartotek.",
    ),
    "odd contract": (a_plugin().replace("KARTOTEK_CONTRACT = 1", 'KARTOTEK_CONTRACT = "1"'), "does not say for which"),
    "misspelt": (
        a_plugin().replace("kartotek_registries", "kartotek_registry"),
        "kartotek_registry is no hook of Kartotek: did you mean kartotek_registries?",
    ),
    "misspelt and unmarked": (
        a_plugin().replace("@hookimpl\ndef kartotek_registries", "def Kartotek_registrys"),
        "Kartotek_registrys is no hook of Kartotek: did you mean kartotek_registries?",
    ),
    "misspelt beside a good one": (
        a_plugin('Adapter("a-reg", "AA")') + "\n\ndef kartotek_settings():\n    return {}\n",
        "kartotek_settings is no hook of Kartotek: there is kartotek_registries.",
    ),
    "marked by another name": (
        a_plugin().replace("kartotek_registries", "adapters"),
        "adapters is no hook of Kartotek: there is kartotek_registries.",
    ),
    "not marked": (
        a_plugin().replace("@hookimpl\n", ""),
        "kartotek_registries is not marked: write @hookimpl above it, with `from kartotek import hookimpl`.",
    ),
    "no hook": (
        GOOD,
        "It implements no hook: write a function kartotek_registries(locale) and mark it with @hookimpl.",
    ),
    "another argument": (a_plugin(locale="language"), "Its hook does not fit: PluginValidationError"),
    "a module that is odd": (
        a_plugin() + "\n\n__dir__ = lambda: 7\n",
        "Its hook does not fit: TypeError",
    ),
    "async": (
        a_plugin().replace("def kartotek", "async def kartotek"),
        "kartotek_registries is async, and must not be",
    ),
    "hook raises": (failing('raise OSError("disk full")'), "kartotek_registries failed: OSError: disk full"),
    "hook raises late": (
        failing('yield Adapter("a-reg", "AA")\nraise OSError("disk full")'),
        "kartotek_registries failed: OSError: disk full",
    ),
    "nothing": (failing("Adapter"), "hands over nothing: return a list of adapters, which may be empty."),
    "a single one": (
        failing('return Adapter("a-reg", "AA")'),
        "hands over Adapter alone: return a list of adapters.",
    ),
    "no list": (failing("return 7"), "kartotek_registries failed: TypeError"),
    "a text": (a_plugin('"de-hr"'), "hands over str, which is no RegistryAdapter."),
    "a class": (a_plugin("Adapter"), "hands over the class Adapter: hand over an instance of it."),
    "unfinished": (a_plugin("RegistryAdapter()"), "kartotek_registries failed: TypeError: Can't instantiate"),
    "no info": (
        a_plugin("Bare()", more="class Bare(Adapter):\n    def __init__(self): pass"),
        "Bare does not say what its registry is: set `info` to a RegistryInfo.",
    ),
    "info raises": (
        a_plugin("Lazy()", more="class Lazy(Adapter):\n    __init__ = lambda self: None\n    info = property(len)"),
        "Lazy does not say what its registry is: TypeError",
    ),
    "no name": (a_plugin('Adapter("a-reg", "AA", name=" ")'), "name is ' ', and has to be a text."),
    "a bad id": (a_plugin('Adapter("A_reg", "AA")'), "id is 'A_reg', and has to be one such as fi-ytj."),
    "no codes": (
        a_plugin('Adapter("a-reg", "Germany")'),
        "countries is ('Germany',), and has to be a tuple of codes such as (\"FI\",).",
    ),
    "a forgotten comma": (
        a_plugin('Other("a-reg")', more="class Other(Adapter):\n    info = RegistryInfo(id='a', name='A', "
                 "countries=('FI'), base_url='https://a.example')\n    def __init__(self, id): pass"),
        "countries is 'FI', and has to be a tuple of codes",
    ),
    "a slash": (
        a_plugin('Adapter("a-reg", "AA", base_url="https://a.example/")'),
        "base_url is 'https://a.example/', and has to be a web address without a slash at its end.",
    ),
    "no address": (a_plugin('Adapter("a-reg", "AA", base_url=None)'), "base_url is None, and has to be a web address"),
    "no calls": (
        a_plugin('Adapter("a-reg", "AA", calls_at_once=0, calls_per_second=0)'),
        "calls_per_second is 0, and has to be a number above zero; calls_at_once is 0, and has",
    ),
    "bad secrets": (a_plugin('Adapter("a-reg", "AA", secrets=("API key",))'), "secrets is ('API key',), and has to be"),
    "no search": (
        a_plugin('Adapter("a-reg", "AA", searches_by_name=True)'),
        "Adapter has no `search`: write it, or say searches_by_name=False in its RegistryInfo.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_and_stops_no_other(source: str | None, message: str, install: Install):
    points = install(a=a_plugin('Adapter("b-reg", "BB")'), bad=source or "", z=a_plugin('Adapter("z-reg", "ZZ")'))
    if source is None:
        Path(str(sys.path[0]), "plugin_bad.py").unlink()
    discovered = discover("en", entry_points=points)
    assert found_in(discovered) == {"BB": "b-reg", "ZZ": "z-reg"}
    problem = only_problem(discovered)
    assert problem.plugin == "bad"
    assert message in problem.message


def test_of_several_adapters_only_the_bad_one_is_left_out(install: Install):
    points = install(a=a_plugin('Adapter("a-reg", "AA")', 'Adapter("b-reg", "BB", base_url="ftp://b")', "None"))
    discovered = discover("en", entry_points=points)
    assert found_in(discovered) == {"AA": "a-reg"}
    assert [(each.registry_id, each.countries) for each in discovered.problems] == [("b-reg", ("BB",)), (None, ())]


def test_a_package_with_broken_metadata_is_used_all_the_same(install: Install, tmp_path: Path):
    (point,) = install(a=a_plugin('Adapter("a-reg", "AA")'))
    (tmp_path / "kartotek_a-2.1.dist-info/METADATA").unlink()
    registry = discover("en", entry_points=[point]).by_country["AA"]
    assert (registry.plugin, registry.distribution, registry.version) == ("a", None, None)


def test_the_author_finds_the_place_of_a_failure_in_the_log(install: Install, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING, "kartotek.registries"):
        discover("en", entry_points=install(bad="1 / 0"))
    assert "plugin_bad.py" in caplog.text


def test_a_country_whose_adapter_cannot_be_used_is_not_left_to_the_worldwide_one(install: Install):
    points = install(a=a_plugin('Adapter("a-reg", "AA", base_url="ftp://a")'), world=a_plugin('Adapter("world")'))
    discovered = discover("en", entry_points=points)
    assert discovered.find_adapter("AA") is None
    assert [each.plugin for each in discovered.list_problems("AA")] == ["a"]
    assert discovered.find_adapter("BB")


# ---------------------------------------------------------------- claims


def test_of_two_for_one_country_neither_is_guessed(install: Install):
    points = install(one=a_plugin('Adapter("aa-one", "AA", "AB")'), two=a_plugin('Adapter("aa-two", "AC", "AA")'))
    discovered = discover("en", entry_points=points)
    assert found_in(discovered) == {"AB": "aa-one", "AC": "aa-two"}
    message = "AA is claimed by 2 registries, aa-one, aa-two: choose one of them, or switch the others off."
    assert discovered.problems == (
        PluginProblem("one", message, "aa-one", ("AA",)),
        PluginProblem("two", message, "aa-two", ("AA",)),
    )
    assert discovered.find_registry("AA") is None


@pytest.mark.parametrize("registry_id", ["aa-one", "aa-two"])
def test_the_operator_chooses(registry_id: str, install: Install):
    points = install(one=a_plugin('Adapter("aa-one", "AA")'), two=a_plugin('Adapter("aa-two", "AA")'))
    discovered = discover("en", entry_points=points, chosen={"AA": registry_id})
    assert found_in(discovered) == {"AA": registry_id}
    assert discovered.problems == ()
    assert [each.info.id for each in discovered.registries] == [registry_id]


def test_a_choice_that_is_not_there_is_told_and_not_replaced(install: Install):
    points = install(one=a_plugin('Adapter("aa-one", "AA", "AB")'))
    discovered = discover("en", entry_points=points, chosen={"AA": "aa-three"})
    assert found_in(discovered) == {"AB": "aa-one"}
    message = "For AA, aa-three is chosen, which is not there; choose from aa-one."
    assert only_problem(discovered) == PluginProblem("one", message, "aa-one", ("AA",))


def test_an_id_belongs_to_one_registry(install: Install):
    points = install(one=a_plugin('Adapter("same", "AA")'), two=a_plugin('Adapter("same", "BB")'))
    discovered = discover("en", entry_points=points)
    assert discovered.registries == ()
    assert [(each.plugin, each.registry_id, each.countries) for each in discovered.problems] == [
        ("one", "same", ("AA",)),
        ("two", "same", ("BB",)),
    ]
    assert "by one (kartotek-one), two (kartotek-two)" in discovered.problems[0].message


def test_a_country_named_twice_by_one_registry_is_no_clash(install: Install):
    discovered = discover("en", entry_points=install(a=a_plugin('Adapter("a-reg", "AA", "AA")')))
    assert (found_in(discovered), discovered.problems) == ({"AA": "a-reg"}, ())


def test_of_two_worldwide_ones_neither_is_guessed_until_one_is_chosen(install: Install):
    points = install(a=a_plugin('Adapter("a")'), b=a_plugin('Adapter("b")', 'Adapter("de-hr", "DE")'))
    undecided = discover("en", entry_points=points)
    assert undecided.worldwide is None
    assert found_in(undecided) == {"DE": "de-hr"}
    assert {each.registry_id for each in undecided.problems} == {"a", "b"}
    decided = discover("en", entry_points=points, chosen={"*": "b"})
    assert decided.worldwide
    assert decided.worldwide.info.id == "b"
    assert decided.problems == ()


# ---------------------------------------------------------------- switched off


def test_a_plugin_that_is_switched_off_is_not_even_loaded(install: Install):
    discovered = discover("en", entry_points=install(bad="1 / 0"), disabled={"bad"})
    assert discovered.problems == ()
    assert [(each.plugin, each.info) for each in discovered.disabled] == [("bad", None)]


def test_a_registry_that_is_switched_off_leaves_its_country_to_others(install: Install):
    points = install(
        one=a_plugin('Adapter("aa-one", "AA")', 'Adapter("bb-one", "BB")'), two=a_plugin('Adapter("aa-two", "AA")')
    )
    discovered = discover("en", entry_points=points, disabled=["aa-one"])
    assert found_in(discovered) == {"AA": "aa-two", "BB": "bb-one"}
    (off,) = discovered.disabled
    assert off.plugin == "one"
    assert off.info
    assert off.info.id == "aa-one"


# ---------------------------------------------------------------- ours


def test_kartoteks_own_adapters_come_through_the_same_door():
    discovered = discover("fi-FI")
    registry = discovered.by_country["FI"]
    assert (registry.plugin, registry.info.id, registry.distribution) == ("fi", "fi-ytj", "kartotek")
    assert registry.version
    assert found_in(discovered)["PL"] == "pl-vat-white-list"
    assert discovered.worldwide
    assert discovered.worldwide.info.id == "gleif"


def test_all_of_kartoteks_own_adapters_are_used():
    discovered = discover("en")
    assert discovered.problems == ()
    announced = {each.name for each in installed_entry_points(group=ENTRY_POINTS) if each.value.startswith("plugins.")}
    assert announced == {each.plugin for each in discovered.registries}
    assert {"FI", "NO", "GB", "FR", "CZ", "EE", "DK", "SE", "PL", "NL"} <= set(discovered.by_country)


def test_every_bundled_adapter_is_announced():
    announced = {each.value for each in installed_entry_points(group=ENTRY_POINTS)}
    modules = {
        f"plugins.{path.stem}"
        for path in (Path(__file__).parent.parent / "plugins").glob("*.py")
        if "@hookimpl\ndef kartotek_registries" in path.read_text()
    }
    assert modules <= announced

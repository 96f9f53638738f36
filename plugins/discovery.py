"""Finding the plugins that are installed, and which adapter answers for which country.

A plugin that cannot be used becomes a `PluginProblem` that says what is wrong and what would be right. It never stops
another one. Where two claim the same country, neither is guessed: the operator chooses.
"""

import difflib
import inspect
import logging
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

import httpx
import pluggy

from plugins.contract import (
    CONTRACT_VERSION,
    ENTRY_POINTS,
    PROJECT,
    Hooks,
    PluginProblem,
    RegistryAdapter,
    RegistryInfo,
)

WORLDWIDE = "*"
"""Stands for every country without an adapter of its own, where a registry is chosen."""

RESERVED = f"{PROJECT}_"
"""How the names of hooks begin, and nothing else in a plugin's module may."""

HOOKS = tuple(name for name in vars(Hooks) if name.startswith(RESERVED))

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_SECRET = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)

log = logging.getLogger("kartotek.registries")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """An adapter, and the plugin that it came from."""

    adapter: RegistryAdapter
    plugin: str
    """Name of the entry point."""
    distribution: str | None = None
    """Name of the package that the plugin was installed with."""
    version: str | None = None
    """Version of that package."""

    @property
    def info(self) -> RegistryInfo:
        """What the registry is."""
        return self.adapter.info


@dataclass(frozen=True, slots=True, kw_only=True)
class Disabled:
    """A plugin, or one registry of it, that the operator has switched off."""

    plugin: str
    """Name of the entry point."""
    info: RegistryInfo | None = None
    """The registry; None where the whole plugin is off, which is not even loaded then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """What is there for one locale."""

    locale: str
    registries: tuple[Registry, ...] = ()
    """All that are used for some country, or for every country without its own."""
    by_country: Mapping[str, Registry]
    """Which of them answers for a country."""
    worldwide: Registry | None = None
    """The one that answers for every country without its own."""
    problems: tuple[PluginProblem, ...] = ()
    """Why others are not used."""
    disabled: tuple[Disabled, ...] = ()
    """What is switched off."""

    def find_registry(self, country: str) -> Registry | None:
        """The registry that answers for a country, if need be the worldwide one.

        None where there is none, or where a problem keeps the country's own from answering: `list_problems` has it.
        """
        own = self.by_country.get(country)
        return own or (None if self.list_problems(country) else self.worldwide)

    def find_adapter(self, country: str) -> RegistryAdapter | None:
        """The adapter that answers for a country, made for it."""
        registry = self.find_registry(country)
        return registry.adapter.for_country(country) if registry else None

    def list_problems(self, country: str) -> Sequence[PluginProblem]:
        """What keeps registries from answering for a country, as far as that is known."""
        return [each for each in self.problems if country in each.countries]


class _Wrong(Exception):
    """A plugin or adapter cannot be used; the text is the problem's message."""


def discover(
    locale: str,
    *,
    entry_points: Iterable[EntryPoint] | None = None,
    disabled: Collection[str] = (),
    chosen: Mapping[str, str] = MappingProxyType({}),
) -> Discovered:
    """The registries for people who read `locale`, of all plugins that are installed.

    `disabled` has names of plugins and ids of registries that are switched off. `chosen` says by country, or `*` for
    worldwide, the id of the registry that answers where several claim it. `entry_points` stands in for the installed
    ones.
    """
    found: list[Registry] = []
    off: list[Disabled] = []
    problems: list[PluginProblem] = []
    points = _installed() if entry_points is None else entry_points
    for point in sorted(points, key=lambda each: (each.name, each.value)):
        if point.name in disabled:
            off.append(Disabled(plugin=point.name))
            continue
        handed, wrong = _handed_over(point, locale)
        problems += wrong
        off += [Disabled(plugin=point.name, info=each.info) for each in handed if each.info.id in disabled]
        found += [each for each in handed if each.info.id not in disabled]
    found = _with_ids_of_their_own(found, problems)
    answering = _answering(found, chosen, problems)
    worldwide = answering.pop(WORLDWIDE, None)
    return Discovered(
        locale=locale,
        registries=tuple(each for each in found if each is worldwide or each in answering.values()),
        by_country=MappingProxyType(answering),
        worldwide=worldwide,
        problems=tuple(problems),
        disabled=tuple(off),
    )


def _installed() -> Iterable[EntryPoint]:
    return entry_points(group=ENTRY_POINTS)


# ---------------------------------------------------------------- one plugin


def _handed_over(point: EntryPoint, locale: str) -> tuple[list[Registry], list[PluginProblem]]:
    """The adapters of one plugin, and what is wrong with it or with some of them."""
    try:
        adapters = _adapters(_registered(_loaded(point)), locale)
    except _Wrong as wrong:
        if wrong.__cause__:  # the author needs to see where
            log.warning("the plugin %s is not used", point.name, exc_info=wrong.__cause__)
        return [], [PluginProblem(point.name, str(wrong))]
    package = _package(point)
    good: list[Registry] = []
    problems: list[PluginProblem] = []
    for adapter in adapters:
        try:
            _check(adapter)
            good.append(Registry(adapter=adapter, plugin=point.name, **package))
        except _Wrong as wrong:
            problems.append(PluginProblem(point.name, str(wrong), *_as_far_as_known(adapter)))
    return good, problems


def _package(point: EntryPoint) -> dict[str, str]:
    """Name and version of what the plugin was installed with, where its metadata are whole."""
    if point.dist is None:
        return {}
    metadata, wanted = point.dist.metadata, {"distribution": "Name", "version": "Version"}
    return {ours: metadata[theirs] for ours, theirs in wanted.items() if theirs in metadata}


def _loaded(point: EntryPoint) -> Any:
    try:
        module = point.load()
    except (Exception, SystemExit) as error:
        raise _Wrong(f"{point.value} cannot be imported: {_told(error)}") from error
    version = getattr(module, "KARTOTEK_CONTRACT", None)
    if not isinstance(version, int) or isinstance(version, bool):
        raise _Wrong(
            f"{point.value} does not say for which version of the contract it was written: "
            f"write KARTOTEK_CONTRACT = {CONTRACT_VERSION} in it."
        )
    if version != CONTRACT_VERSION:
        older = "the plugin" if version < CONTRACT_VERSION else "Kartotek"
        raise _Wrong(
            f"{point.value} was written for version {version} of the contract, and this Kartotek has version "
            f"{CONTRACT_VERSION}: upgrade {older}."
        )
    return module


def _registered(module: Any) -> pluggy.PluginManager:
    """A manager of its own for each plugin, since a hook call ends at the first implementation that raises."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    try:
        _check_hooks(manager, module)
        manager.register(module)
    except _Wrong:
        raise
    except Exception as error:
        raise _Wrong(f"Its hook does not fit: {_told(error)}") from error
    return manager


def _check_hooks(manager: pluggy.PluginManager, module: Any) -> None:
    """Raise unless all that looks like a hook is one, and there is one at all."""
    marked: set[str] = set()
    for name, function in inspect.getmembers(module, inspect.isroutine):
        options = manager.parse_hookimpl_opts(module, name)
        if options is None and name in HOOKS:
            raise _Wrong(f"{name} is not marked: write @hookimpl above it, with `from kartotek import hookimpl`.")
        hook = (options and options["specname"]) or name
        if options and hook in HOOKS:
            if inspect.iscoroutinefunction(function):
                raise _Wrong(f"{name} is async, and must not be: it only hands over adapters, which talk later.")
            marked.add(hook)
        elif not (options and options["optionalhook"]):
            _check_is_no_slip(hook, is_marked=options is not None)
    if not marked:
        raise _Wrong(f"It implements no hook: write a function {HOOKS[0]}(locale) and mark it with @hookimpl.")


def _check_is_no_slip(name: str, *, is_marked: bool) -> None:
    near = difflib.get_close_matches(name.lower(), HOOKS, n=1, cutoff=0.8)
    if is_marked or near or name.startswith(RESERVED):
        meant = f"did you mean {near[0]}?" if near else f"there is {', '.join(HOOKS)}."
        raise _Wrong(f"{name} is no hook of Kartotek: {meant}")


def _adapters(manager: pluggy.PluginManager, locale: str) -> list[Any]:
    try:
        handed = manager.hook.kartotek_registries(locale=locale)
        if not handed:
            raise _Wrong("kartotek_registries hands over nothing: return a list of adapters, which may be empty.")
        if single := next((each for each in handed if isinstance(each, RegistryAdapter)), None):
            raise _Wrong(f"kartotek_registries hands over {_kind(single)} alone: return a list of adapters.")
        return [adapter for adapters in handed for adapter in adapters]
    except _Wrong:
        raise
    except (Exception, SystemExit) as error:
        raise _Wrong(f"kartotek_registries failed: {_told(error)}") from error


# ---------------------------------------------------------------- one adapter


def _check(adapter: Any) -> None:
    """Raise _Wrong unless it is an adapter that says what it has to."""
    if isinstance(adapter, type) and issubclass(adapter, RegistryAdapter):
        raise _Wrong(f"kartotek_registries hands over the class {adapter.__name__}: hand over an instance of it.")
    if not isinstance(adapter, RegistryAdapter):
        raise _Wrong(f"kartotek_registries hands over {_kind(adapter)}, which is no RegistryAdapter.")
    info = _info(adapter)
    if not isinstance(info, RegistryInfo):
        raise _Wrong(f"{_kind(adapter)} does not say what its registry is: set `info` to a RegistryInfo.")
    complaints = "; ".join(_complaints(info))
    if complaints:
        raise _Wrong(f"The RegistryInfo of {_kind(adapter)} is incomplete: {complaints}.")
    if info.searches_by_name and type(adapter).search is RegistryAdapter.search:
        raise _Wrong(f"{_kind(adapter)} has no `search`: write it, or say searches_by_name=False in its RegistryInfo.")


def _info(adapter: Any) -> Any:
    try:
        return getattr(adapter, "info", None)
    except Exception as error:
        raise _Wrong(f"{_kind(adapter)} does not say what its registry is: {_told(error)}") from error


def _complaints(info: RegistryInfo) -> Iterator[str]:
    for name, (is_right, wanted) in _WANTED.items():
        if not is_right(value := getattr(info, name)):
            yield f"{name} is {value!r}, and has to be {wanted}"


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_tuple_of(value: Any, is_one: Callable[[Any], bool]) -> bool:
    return isinstance(value, tuple) and all(is_one(each) for each in value)


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value > 0


def _is_address(value: Any) -> bool:
    try:
        url = httpx.URL(value)
    except (TypeError, httpx.InvalidURL):
        return False
    return url.scheme in ("http", "https") and url.host != ""


def _are_names(value: Any) -> bool:
    return _is_tuple_of(value, lambda each: _matches(_SECRET, each))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


_WANTED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "id": (lambda value: _matches(_ID, value), "one such as fi-ytj"),
    "name": (_is_text, "a text"),
    "countries": (
        lambda value: _is_tuple_of(value, lambda each: _matches(_COUNTRY, each)),
        'a tuple of codes such as ("FI",)',
    ),
    "base_url": (
        lambda value: _is_address(value) and not value.endswith("/"),
        "a web address without a slash at its end",
    ),
    "token_url": (lambda value: value is None or _is_address(value), "a web address"),
    "aliases": (lambda value: _is_tuple_of(value, _is_text), "a tuple of texts"),
    "locales": (lambda value: _is_tuple_of(value, _is_text), "a tuple of texts"),
    "secrets": (_are_names, 'a tuple of names such as ("key",)'),
    "optional_secrets": (_are_names, 'a tuple of names such as ("key",)'),
    "calls_per_second": (_is_positive, "a number above zero"),
    "calls_at_once": (_is_positive, "a number above zero"),
}
"""What the members of a RegistryInfo have to be."""


def _as_far_as_known(adapter: Any) -> tuple[str | None, tuple[str, ...]]:
    """The id and the countries of an adapter that is not used."""
    try:
        info = _info(adapter)
    except _Wrong:
        info = None
    if not isinstance(info, RegistryInfo):
        return None, ()
    countries: Any = info.countries
    known = [each for each in countries if _matches(_COUNTRY, each)] if isinstance(countries, tuple) else []
    return info.id if _matches(_ID, info.id) else None, tuple(known)


def _kind(value: Any) -> str:
    return type(value).__name__


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


# ---------------------------------------------------------------- claims


def _with_ids_of_their_own(found: Sequence[Registry], problems: list[PluginProblem]) -> list[Registry]:
    """Those whose id nobody else has; problems of the others are added."""
    by_id: dict[str, list[Registry]] = {}
    for each in found:
        by_id.setdefault(each.info.id, []).append(each)
    for registry_id, claimants in by_id.items():
        if len(claimants) > 1:
            whose = _listed({_origin(each) for each in claimants})
            message = f"The id {registry_id} is claimed {len(claimants)} times, by {whose}: each has to have its own."
            problems += [_problem(each, message, each.info.countries) for each in claimants]
    return [claimants[0] for claimants in by_id.values() if len(claimants) == 1]


def _answering(
    found: Sequence[Registry], chosen: Mapping[str, str], problems: list[PluginProblem]
) -> dict[str, Registry]:
    """Which registry answers for a country; problems of those that nobody has chosen from are added."""
    claims: dict[str, list[Registry]] = {}
    for registry in found:
        for country in dict.fromkeys(registry.info.countries or (WORLDWIDE,)):
            claims.setdefault(country, []).append(registry)
    answering: dict[str, Registry] = {}
    contested: dict[tuple[str, str], list[str]] = {}
    for country, claimants in claims.items():
        choice = chosen.get(country)
        fitting = [each for each in claimants if choice in (None, each.info.id)]
        if len(fitting) == 1:
            answering[country] = fitting[0]
        else:
            contested.setdefault((_listed({each.info.id for each in claimants}), choice or ""), []).append(country)
    for (ids, choice), countries in contested.items():
        claimants = claims[countries[0]]
        message = _undecided(ids, choice, countries, len(claimants))
        problems += [_problem(each, message, countries) for each in claimants]
    return answering


def _undecided(ids: str, choice: str, countries: Sequence[str], claimants: int) -> str:
    where = _listed(countries).replace(WORLDWIDE, "countries without a registry of their own")
    if choice:
        return f"For {where}, {choice} is chosen, which is not there; choose from {ids}."
    return f"{where} is claimed by {claimants} registries, {ids}: choose one of them, or switch the others off."


def _problem(registry: Registry, message: str, countries: Iterable[str]) -> PluginProblem:
    named = tuple(each for each in countries if each != WORLDWIDE)
    return PluginProblem(registry.plugin, message, registry.info.id, named)


def _origin(registry: Registry) -> str:
    return f"{registry.plugin} ({registry.distribution})" if registry.distribution else registry.plugin


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))

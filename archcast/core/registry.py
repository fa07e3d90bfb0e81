"""Names to objects: what ships here, and what other packages add by entry point."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import entry_points
from inspect import isabstract
from traceback import walk_tb
from typing import Any, Generic, TypeVar, cast

from archcast.core.errors import InputError, did_you_mean, short, told

T = TypeVar("T")

THIRD_PARTY = "third-party"  # the family of what other packages bring
_logger = logging.getLogger("archcast")
_groups = set[str]()  # of entry points


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an object is (`module:attribute`), and what can be said without importing it."""

    target: str
    summary: str
    family: str = ""


class Registry(Generic[T]):
    """A lazy table from name to object: nothing is imported until `get`."""

    def __init__(
        self,
        kind: str,
        shipped: dict[str, Entry],
        derived: Callable[[], dict[str, Entry]] = dict,
        base: str = "",
        classes: bool = False,
    ) -> None:
        """Name what ships here.

        Args:
            kind: what is registered, in the singular; entry points are of the group of its plural.
            shipped: by name.
            derived: further entries, which follow from another registry's.
            base: where the class is that all are objects of; without, all can be called.
            classes: whether they are subclasses of it instead.
        """
        self.kind, self.base, self.classes = kind, base, classes
        self.group = f"archcast.{kind[:-1]}ies" if kind.endswith("y") else f"archcast.{kind}s"
        _groups.add(self.group)
        self.shipped = shipped
        self.derived = derived
        self._left_out: set[str] = set()  # what was said to be

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """All entries by name: what ships here first, then entry points of other packages.

        An entry point that claims a name which is taken is left out, with a warning.
        """
        entries = self.shipped | self.derived()
        for point in _entry_points().select(group=self.group):
            if point.name in entries:
                _logger.warning(
                    "left out: entry point %s (%s) claims the name %r, which is already %s; rename"
                    " one of them", point.value, self.group, point.name, entries[point.name].target
                )  # fmt: skip
                continue
            entries[point.name] = Entry(point.value, f"from {point.value}", THIRD_PARTY)
        return entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def entry(self, name: str) -> Entry:
        """The entry of `name`.

        Raises:
            InputError: there is none; the message offers near names.
        """
        try:
            return self.entries[name]
        except KeyError:
            mend = did_you_mean(name, self.entries)
            raise InputError(f"unknown {self.kind} {short(name)}: {mend}") from None

    def get(self, name: str) -> T:
        """Import and return the object called `name`.

        Raises:
            InputError: there is none, or another package's can't be imported or is none of this
                kind.
        """
        entry = self.entry(name)
        if entry.family != THIRD_PARTY:
            return cast("T", load(entry.target))
        try:
            found = load(entry.target)
        except (Exception, SystemExit) as error:
            raise self._broken(name, entry, f"can't be imported ({told(error)})") from None
        if not self._is_of_the_kind(found):
            raise self._broken(name, entry, f"is no {self.kind}")
        if isabstract(found):
            lacking = ", ".join(sorted(found.__abstractmethods__))
            raise self._broken(name, entry, f"does not define {lacking}")
        return cast("T", found)

    def all(self) -> list[T]:
        """Every object, what ships here first; what is broken is left out, with one warning."""
        return [found for name in self if (found := self._whole(name)) is not None]

    def _whole(self, name: str) -> T | None:
        try:
            return self.get(name)
        except InputError as error:
            if name not in self._left_out:
                _logger.warning("left out: %s", error)
            self._left_out.add(name)
            return None

    def reference(self, name: str) -> T | Entry:
        """What identifies the object called `name`: its entry where it ships here, else itself.

        Raises:
            InputError: as `get`.
        """
        entry = self.entry(name)
        return self.get(name) if entry.family == THIRD_PARTY else entry

    def _is_of_the_kind(self, found: object) -> bool:
        if not self.base:
            return callable(found)
        base = load(self.base)
        if self.classes:
            return isinstance(found, type) and issubclass(found, base)
        return isinstance(found, base)

    def _broken(self, name: str, entry: Entry, how: str) -> InputError:
        told = " ".join(f"{self.kind} {name!r}: {entry.target} {how}".split())
        return InputError(f"{told}; mend or uninstall its package")

    def name_of(self, thing: object) -> str | None:
        """The name of what `get` gives, None where it has none."""
        where = f"{getattr(thing, '__module__', '')}:{getattr(thing, '__qualname__', '')}"
        for name, entry in self.entries.items():
            if entry.target == where or (name not in self.shipped and self._is(name, thing)):
                return name
        return None

    def _is(self, name: str, thing: object) -> bool:
        module, _, attribute = self.entries[name].target.partition(":")
        try:
            return getattr(sys.modules.get(module), attribute, None) is thing
        except InputError:  # a module that makes it when asked, of what can't be imported
            return False

    def exported(self, attribute: str) -> T:
        """What ships here under the name `attribute` of Python, for a module's `__getattr__`."""
        for entry in self.shipped.values():
            if entry.target.endswith(f":{attribute}"):
                return cast("T", load(entry.target))
        raise AttributeError(attribute)


@cache
def _entry_points() -> Any:
    """Those of all packages, for finding them means reading a file of each."""
    return entry_points()


def plugin_behind(error: BaseException) -> str | None:
    """Where in another package, that adds something by entry point, an error arose; else None."""
    points = (point for group in _groups for point in _entry_points().select(group=group))
    packages = {point.value.partition(":")[0].partition(".")[0] for point in points}
    for frame, line in reversed([*walk_tb(error.__traceback__)]):
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] in packages:
            return f"{module}, line {line}"
    return None


def lazy(attribute: str, package: str, modules: Mapping[str, str]) -> Any:
    """What a package exports from the module where it is, for the package's `__getattr__`."""
    if attribute not in modules:
        raise AttributeError(attribute)
    return load(f"{package}.{modules[attribute]}:{attribute}")


def load(target: str) -> Any:
    """Import `module:attribute`."""
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)

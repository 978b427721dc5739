# SPDX-License-Identifier: MIT
"""From the names in a pickle to objects: which modules are missing, said before any is imported; then what they hold."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
from typing import Any, NamedTuple

from . import _layout
from ._errors import MissingError, PolicyError, hint_of
from ._policy import combine_flags


class Global(NamedTuple):
    """One global of a pickle, as the analysis saw it."""

    module: str
    name: str
    mapped_module: str
    mapped_name: str
    fields: tuple[str, ...]
    fields_are_whole: bool
    uses: int
    offset: int
    extension_code: int
    is_attribute: bool


def _find_without_importing(module: str) -> bool:
    """Whether a module can be found. Importing a parent to look for its child would run it: its folders are searched."""
    path: Any = None
    name = ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        loaded = sys.modules.get(name)
        if loaded is not None:
            path = getattr(loaded, "__path__", None)
            if path is None and name != module:
                return False
            continue
        try:
            spec = importlib.util.find_spec(name) if path is None else _find_child(name, path)
        except (ImportError, AttributeError, ValueError):
            return False
        if spec is None:
            return False
        path = spec.submodule_search_locations
        if path is None and name != module:
            return False
    return True


def _find_child(name: str, path: Any) -> Any:
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec = find(name, path) if find else None
        if spec is not None:
            return spec
    return None


def missing_modules(modules: Any) -> list[str]:
    """Those that are not there, in order."""
    return [name for name in modules if name not in sys.modules and not _find_without_importing(name)]


def _missing(names: list[str], what: str, cause: BaseException | None = None) -> MissingError:
    listed = ", ".join(names)
    error = MissingError(f"{what}: {listed} [global-missing]")
    error.__cause__ = cause
    error._with(
        status="refused",
        diagnostic="global-missing",
        missing=tuple(names),
        hint=hint_of("global-missing"),
    )
    return error


def _look_up(module: str, name: str) -> Any:
    """The object of this name, importing its module. AttributeError if it is not there."""
    found: Any = sys.modules.get(module)
    if found is None:
        try:
            found = importlib.import_module(module)
        except Exception as cause:
            raise _missing([module], f"importing failed ({type(cause).__name__}: {cause})", cause) from cause
    for part in name.split("."):
        found = getattr(found, part)
    return found


class _Attributes:
    """Instead of getattr: knows the attributes that the analysis saw this pickle ask for, and nothing else."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, str], tuple[Any, Any]] = {}

    def add(self, owner: Any, name: str, value: Any) -> None:
        self.known[id(owner), name] = owner, value  # the owner is held, so its id stays its own

    def __call__(self, owner: Any, name: str) -> Any:
        try:
            return self.known[id(owner), name][1]
        except KeyError:
            raise ValueError(f"{name!r} of {owner!r} is no attribute that the analysis has seen") from None


_GETATTR = ("builtins", "getattr")
_OR = (("_operator", "or_"), ("operator", "or_"))


class _Resolver:
    """Finds the objects for the globals of one pickle."""

    def __init__(self, given: dict[tuple[str, str], Any]) -> None:
        self.given = given
        self.attributes = _Attributes()
        # What the caller has not given as an object and must still be found there next time.
        self.places: list[tuple] = []
        self.lost: list[str] = []

    def _find(self, module: str, name: str) -> Any:
        if (module, name) in self.given:
            return self.given[module, name]
        owner, _, attribute = name.rpartition(".")
        if owner and (module, owner) in self.given:
            return getattr(self.given[module, owner], attribute)
        found = _look_up(module, name)
        self.places.append((module, tuple(name.split(".")), found))
        return found

    def find(self, item: Global) -> Any:
        """The object of a global, or None with its name in `lost`."""
        name = item.mapped_module, item.mapped_name
        if name == _GETATTR:
            return self.attributes
        if name in _OR:
            return combine_flags
        try:
            found = self._find(*name)
            if item.is_attribute:
                owner, _, attribute = item.mapped_name.rpartition(".")
                self.attributes.add(self._find(item.mapped_module, owner), attribute, found)
            return found
        except AttributeError:
            self.lost.append(":".join(name))
            return None

    def is_found(self, item: Global) -> bool:
        """Whether no module need be imported for it."""
        name = item.mapped_module, item.mapped_name
        owner = item.mapped_module, item.mapped_name.rpartition(".")[0]
        return name == _GETATTR or name in _OR or name in self.given or owner in self.given


def resolve(
    rows: list[tuple], root: int | None, policy: Any, layout: int, schema_version: int
) -> tuple[dict[tuple[str, str], Any], list[tuple] | None]:
    """(all that the unpickler may use, where it must still be found next time or None if there was something to say)."""
    items = [Global(*row) for row in rows]
    for item in items:
        if item.extension_code:
            raise PolicyError("the pickle names globals by extension codes, which are never loaded [extension-denied]")._with(
                status="refused", diagnostic="extension-denied", space="content", offset=item.offset)  # fmt: skip
    resolver = _Resolver(policy._objects or {})
    absent = missing_modules(dict.fromkeys(item.mapped_module for item in items if not resolver.is_found(item)))
    if absent:
        raise _missing(absent, "modules of the snapshot are not installed here")
    objects = [resolver.find(item) for item in items]
    if resolver.lost:
        raise _missing(resolver.lost, "the modules no longer have what the snapshot names")
    # What getattr gives is named by no opcode, and so is nothing that the unpickler may ask for.
    table = {(item.module, item.name): found for item, found in zip(items, objects) if not item.is_attribute}
    if not layout:
        return table, resolver.places
    root_class = objects[root] if root is not None else None
    complained = _layout.check(list(zip(items, objects)), root_class, schema_version, refuses=layout == 2)
    return table, None if complained else resolver.places

"""Imports the add-ons that a configuration asks for, reads their settings and builds them.

Used when a generation is built, after all subsystems of ours. Whatever goes wrong with one fails
that component alone.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from config.add_ons import AddOn
from config.config_errors import ConfigError
from config.notices import Notice, mistake_notices
from mrk.api.endpoint import Endpoint
from mrk.subsystem import Additions, Needs
from nurseries.root.add_on import (
    STEP_S,
    AddOnError,
    AddOnGuard,
    given_to,
    guarded_additions,
)
from nurseries.root.step_limit import StepLimit
from nurseries.supervise import NotBuilt, build

# Raises `ValueError` when one of some endpoints is there already.
Clash = Callable[[Sequence[Endpoint]], None]


class AddOns:
    """`fail(component, reason)` hears of those that do not run; `warnings` of mistyped options."""

    def __init__(self, fail: Callable[[str, str], None]) -> None:
        self.warnings: list[str] = []
        self._fail = fail
        self._limit = StepLimit(STEP_S)

    def build_all(
        self, add_ons: Collection[AddOn], needs: Needs, taken: Collection[str], clash: Clash
    ) -> Additions:
        """What they add, ready to be run. `taken` are names of services that are there."""
        everything = Additions()
        for add_on in add_ons:
            added = self._built(add_on, needs, taken, clash)
            if added is not None:
                everything.services += added.services
                everything.auxiliary += added.auxiliary
                everything.warnings += added.warnings
                everything.processors += added.processors
        return everything

    def _built(
        self, add_on: AddOn, needs: Needs, taken: Collection[str], clash: Clash
    ) -> Additions | None:
        guard = AddOnGuard(add_on.component, self._limit)
        needs = given_to(needs, guard)
        try:
            settings, mistakes, notices = self._read(add_on, guard)
            if not mistakes:
                self.warnings += [notice.text for notice in notices]
                return build(
                    add_on.component,
                    lambda: self._added(add_on, settings, needs, guard, taken, clash),
                )
            told = _mistaken(add_on, mistakes)
        except NotBuilt as exc:
            told = [_told(add_on, exc)]
        for notice in told:
            self._fail(add_on.component, notice.text)
        return None

    def _read(
        self, add_on: AddOn, guard: AddOnGuard
    ) -> tuple[Any, list[ConfigError], list[Notice]]:
        return build(add_on.component, lambda: guard.build(lambda: add_on.read(add_on.load().read)))

    def _added(
        self,
        add_on: AddOn,
        settings: Any,
        needs: Needs,
        guard: AddOnGuard,
        taken: Collection[str],
        clash: Clash,
    ) -> Additions:
        added = Additions()
        guard.build(lambda: add_on.load().build(settings, needs, added))
        guarded = guarded_additions(added, guard)
        for service in guarded.services:
            if service.name in taken:
                raise AddOnError(f"there is a service named {service.name} already")
        endpoints = [endpoint for service in guarded.services for endpoint in service.endpoints]
        try:
            clash(endpoints)
        except ValueError as exc:
            raise AddOnError(str(exc)) from exc
        return guarded

    def check(self, add_on: AddOn) -> list[Notice]:
        """What is to be said of its sections, without building it."""
        guard = AddOnGuard(add_on.component, self._limit)
        try:
            _, mistakes, notices = self._read(add_on, guard)
        except NotBuilt as exc:
            return [_told(add_on, exc)]
        return [*_mistaken(add_on, mistakes), *notices]


def _told(add_on: AddOn, why: NotBuilt) -> Notice:
    place = add_on.reader.place(add_on.sections[0])
    return Notice(f"{why} (an add-on from {add_on.origin})", *place)


def _mistaken(add_on: AddOn, mistakes: Sequence[ConfigError]) -> list[Notice]:
    return mistake_notices(mistakes, f"Until that is mended {add_on.component} does not run.")

"""The subsystems of a generation that a section of the configuration asks for, and its add-ons.

They are built one by one, and what cannot be built fails alone. Which there are stands in
`optional.py`; `subsystems.py` says what they get, `generation.py` runs them.
"""

import logging
from collections.abc import Callable, Collection
from functools import partial
from typing import TypeVar

from config.add_ons import AddOn
from config.settings.families import Settings
from mrk.api.endpoint import Endpoint
from mrk.subsystem import Additions, Needs
from mrk.supervision import Supervision
from nurseries.root.add_ons import AddOns, Clash
from nurseries.root.optional import OPTIONAL
from nurseries.root.supervised import Supervised, supervised
from nurseries.supervise import NotBuilt, build, failed_supervision

logger = logging.getLogger(__name__)

Made = TypeVar("Made")


class OptionalSubsystems:
    """`added` is what they added, `services` and `transports` those of it that run.

    `failed` are those that could not be built; `warnings` say why.
    """

    def __init__(self) -> None:
        self.added = Additions()
        self.services: list[Supervised] = []
        self.transports: list[Supervised] = []
        self.warnings: list[str] = []
        self.failed: list[Supervision] = []

    def build_all(self, settings: Settings, needs: Needs) -> None:
        """Build what the configuration has a section for."""
        for optional in OPTIONAL:
            section = getattr(settings, optional.field)
            is_empty = optional.stands_empty and optional.component in settings.emptied
            if section or is_empty:
                self.build(optional.component, partial(optional.build, section, needs, self.added))
        self.services = [supervised(service) for service in self.added.services]
        self.transports = [supervised(service) for service in self.added.transports]
        _nest(self.services)

    def build(self, component: str, make: Callable[[], Made]) -> Made | None:
        """What `make` gives; None when it cannot, and then the component has failed."""
        try:
            return build(component, make)
        except NotBuilt as exc:
            self.fail(component, str(exc))
            return None

    def fail(self, component: str, reason: str) -> None:
        """A component does not run in this generation."""
        logger.error("%s", reason)
        self.warnings.append(reason)
        self.failed.append(failed_supervision(component, reason))

    def build_add_ons(
        self, wanted: Collection[AddOn], needs: Needs, taken: Collection[str], clash: Clash
    ) -> list[Endpoint]:
        """Build the add-ons, once all else has its endpoints and names; returns theirs."""
        add_ons = AddOns(self.fail)
        added = add_ons.build_all(wanted, needs, taken, clash)
        self.warnings += add_ons.warnings
        self.added.auxiliary += added.auxiliary
        self.added.warnings += added.warnings
        self.added.processors += added.processors
        services = [supervised(service) for service in added.services]
        self.services += services
        return [endpoint for service in services for endpoint in service.offered()]

    @property
    def found_out(self) -> list[str]:
        """What they warn of since they run."""
        if not self.added.warnings:
            return []  # asked for with every server.info
        return [text for warnings in self.added.warnings for text in warnings()]


def _nest(services: list[Supervised]) -> None:
    """Show each below the one that it is part of."""
    known = {service.name: service.supervision for service in services}
    for service in services:
        if service.part_of is not None:
            parent = known[service.part_of]
            parent.children = [*parent.children, service.supervision]

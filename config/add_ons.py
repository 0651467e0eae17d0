"""Sections that an add-on reads: who offers them, and the reading of their options.

An add-on is a distribution in mrk's environment with an entry point of the group `mrk.components`,
named as the section. It is looked for only when a section has no reader of ours; nothing of it is
imported here. The root imports it and reads its settings when a generation is built
(`nurseries/root/add_ons.py`).
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from config.config_errors import ConfigError
from config.not_read import CORE, component_of
from config.notices import Notice
from config.reader import ConfigReader
from config.section import Section
from config.unread import tell_option

if TYPE_CHECKING:
    from importlib import metadata

GROUP = "mrk.components"
_ENTRY_POINTS = "entry_points.txt"
# Those that come with mrk, by section. They get what others get, and nothing else.
OWN: Final[Mapping[str, str]] = {
    "mmu_server": "nurseries.mmu_server.component",
    "timelapse": "nurseries.timelapse.component",
}
OWN_ORIGIN = "mrk"

ReadSettings = Callable[[Section, Mapping[str, Section]], Any]


class AddOn(msgspec.Struct, frozen=True):
    """A component that is not one of ours, and its sections.

    `reference` is the entry point's value, a module; `origin` the distribution it comes from.
    """

    component: str
    reference: str
    origin: str
    sections: tuple[str, ...]
    reader: ConfigReader

    def load(self) -> Any:
        """Import it; raises whatever keeps it from being imported."""
        from importlib import metadata

        return metadata.EntryPoint(self.component, self.reference, GROUP).load()

    def read(self, read: ReadSettings) -> tuple[Any, list[ConfigError], list[Notice]]:
        """Its settings, the mistakes in its sections, and what else is to be said of them.

        `read` gets the section `[component]` and those of `[component NAME]`, by name.
        """
        book = self.reader
        told = len(book.notices)
        named = {
            name.split(maxsplit=1)[1]: book.section(name)
            for name in self.sections
            if name != self.component
        }
        found, mistakes = book.attempt(partial(read, book.section(self.component), named))
        for name, option in book.unread_options():
            if name in self.sections:
                tell_option(book, name, option)
        notices = book.notices[told:]
        del book.notices[told:]
        return found, mistakes, notices


def find_add_ons(reader: ConfigReader, components: Collection[str]) -> list[AddOn]:
    """Add-ons for what `reader` still has; `components` are the names that mrk reads itself.

    A section that two distributions offer is a failed component.
    """
    unread = [name for name in reader.unread_sections() if _may_be_offered(name, components)]
    wanted = dict.fromkeys(component_of(name) for name in unread)
    if not wanted:
        return []
    offers = _offers() if any(name not in OWN for name in wanted) else {}
    found = []
    for component in wanted:
        offered = _offered(component, offers)
        sections = tuple(name for name in unread if component_of(name) == component)
        if len(offered) > 1:
            origins = " and ".join(sorted(offered))
            said = f"[{component}] is offered by {origins}; remove all but one of them."
            reader.fail(component, Notice(said, *reader.place(sections[0])))
            continue
        for origin, reference in offered.items():
            found.append(AddOn(component, reference, origin, sections, reader))
    return found


def _may_be_offered(section: str, components: Collection[str]) -> bool:
    component = component_of(section)
    return component not in components and component not in CORE


def _offered(component: str, offers: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    if component in OWN:
        return {OWN_ORIGIN: OWN[component]}
    return offers.get(component, {})


def _offers() -> dict[str, dict[str, str]]:
    """Component -> distribution -> module, of what is installed in mrk's environment."""
    # With the e-mail parser that it needs, 1 MB and 10 ms of each start without add-ons.
    from importlib import metadata

    offers: dict[str, dict[str, str]] = {}
    seen: set[str] = set()
    for distribution in metadata.distributions():
        points = list(_points(distribution))
        name = distribution.name if points else ""
        if name in seen:
            continue  # what comes later on the path is not what Python would import
        seen.update({name} if points else ())
        for point in points:
            offers.setdefault(point.name, {})[name] = point.value
    return offers


def _points(distribution: "metadata.Distribution") -> "Iterator[metadata.EntryPoint]":
    """Its entry points of our group; none where they cannot be read."""
    try:
        text = distribution.read_text(_ENTRY_POINTS)
        if text is not None and f"[{GROUP}]" in text:
            yield from distribution.entry_points.select(group=GROUP)
    except (OSError, TypeError, ValueError):
        return  # somebody else's broken file says nothing about our sections

"""What is said about sections and options that nobody read.

One that mrk does not know, or that belongs to an add-on of Moonraker, is a failed component. Core
sections without options say nothing.
"""

from collections.abc import Collection, Iterable

from config.not_read import ADD_ONS, CORE, KLIPPER, NAMED, REMOVED, component_of, goes_with
from config.notices import Notice
from config.reader import ConfigReader
from config.source import Option

# Seen with four letters of ten wrong; farther ones are other words.
_LIKENESS = 0.75


def tell_unread(
    reader: ConfigReader, components: Iterable[str], add_ons: Collection[str] = ()
) -> None:
    """Warn about everything that `reader` still has; `components` are the names that mrk reads.

    `add_ons` are read later, and say themselves what they do not know.
    """
    known = {*components, *CORE}
    told: set[str] = {failure.component for failure in reader.failures}
    for name in reader.unread_sections():
        component = component_of(name)
        if component in add_ons:
            continue
        if name in CORE and not reader.source.options(name):
            continue
        if component in known:
            reader.notices.append(_senseless(reader, name))
        elif component not in told:
            reader.fail(component, _unknown(reader, name, known))
        told.add(component)
    for name, option in reader.unread_options():
        tell_option(reader, name, option)


def _senseless(reader: ConfigReader, name: str) -> Notice:
    """`[shell_command x]` and the like, or options in a section that has none."""
    component = component_of(name)
    if name in NAMED:
        said = f"[{name}]: a name is missing, as in [{name} one]; without one it has no effect."
    elif name == component:
        said = f"[{name}]: this section has no options; what stands in it has no effect."
    else:
        said = f"[{name}]: mrk has no sections of this kind, so it has no effect."
    return Notice(said, *reader.place(name))


def _unknown(reader: ConfigReader, name: str, known: Collection[str]) -> Notice:
    component = component_of(name)
    if component in ADD_ONS:
        said = (
            f"[{component}] belongs to {ADD_ONS[component]}, an add-on that is loaded into "
            "Moonraker itself. mrk cannot load it: what it does is not available."
        )
        return Notice(said, *reader.place(name), mild=True)
    if component in KLIPPER:
        said = (
            f"[{name}] is a section of Klipper's: it belongs in printer.cfg, and has no "
            "effect here."
        )
        return Notice(said, *reader.place(name))
    said = f"[{component}]: mrk has no component of this name, so the section has no effect."
    like = _alike(component, known)
    if like is not None:
        said += f" Is [{like}] meant?"
    else:
        said += " If it belongs to an add-on of Moonraker, that cannot be loaded into mrk."
    return Notice(said, *reader.place(name))


def _alike(name: str, known: Collection[str]) -> str | None:
    # Imported here: few configurations have such a name.
    import difflib

    found = difflib.get_close_matches(name, known, n=1, cutoff=_LIKENESS)
    return found[0] if found else None


def tell_option(reader: ConfigReader, section: str, option: Option) -> None:
    """Warn about one option that nobody read."""
    place = (option.file, option.line)
    said = f"[{section}]: option '{option.name}'"
    if (section, option.name) in REMOVED:
        advice = REMOVED[section, option.name]
        reader.warn(f"{said} is of an older version and has no effect. {advice}", place, mild=True)
    elif (other := goes_with(section, option.name)) is not None:
        reader.warn(f"{said} has no effect here: it goes with {other}.", place, mild=True)
    elif section == "server" and option.name in reader.moved:
        reader.warn(
            f"{said} has moved to section [{reader.moved[option.name]}], which is written too; "
            "here it has no effect.",
            place,
        )
    else:
        like = _alike(option.name, reader.asked(section) - {*reader.source.options(section)})
        advice = "check its spelling." if like is None else f"is '{like}' meant?"
        reader.warn(f"{said} is not known to mrk and has no effect; {advice}", place)

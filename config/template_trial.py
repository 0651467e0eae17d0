"""One template of a configuration on its own, for a person who wants to see what it gives."""

import msgspec

from config.config_errors import ConfigError, quoted
from config.load import find_file, read_source
from config.paths import Paths
from config.reader import ConfigReader
from config.secret_options import holds_secret
from config.settings.secrets import read_secrets
from config.template import Templates


class Trial(msgspec.Struct, frozen=True):
    """A template's text, what renders it, and whether its result is better not shown."""

    text: str
    templates: Templates
    secret: bool
    warnings: list[str]


def trial_of_option(paths: Paths, name: str) -> Trial:
    """The template of an option named `section.option`; raises ConfigError."""
    source = read_source(find_file(paths))
    section, _, option = name.rpartition(".")
    found = source.options(section).get(option.lower())
    if section not in source.sections:
        known = ", ".join(source.sections) or "none"
        raise ConfigError(f"there is no section {quoted(section)} (there are: {known})")
    if found is None:
        known = ", ".join(source.options(section)) or "none"
        reason = f"there is no option {quoted(option)} (there are: {known})"
        raise ConfigError(reason, section=section)
    return _trial(ConfigReader(source), paths, found.value, holds_secret(section, found.name))


def trial_of_text(paths: Paths, text: str) -> Trial:
    """Any text as a template that sees the secrets file; raises ConfigError."""
    return _trial(ConfigReader(read_source(find_file(paths))), paths, text, secret=False)


def _trial(reader: ConfigReader, paths: Paths, text: str, secret: bool) -> Trial:
    groups = read_secrets(reader, paths)
    return Trial(text, Templates(groups), secret, reader.warnings)

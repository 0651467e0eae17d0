"""What mrk reads in the answers of a ready printer, and what it wants of it. Pure."""

from collections.abc import Collection, Mapping
from typing import Any

# Front ends cannot print without these.
REQUIRED_OBJECTS = ("virtual_sdcard", "display_status", "pause_resume")
# For objects/query; `read_settings` reads the answer.
SETTINGS_QUESTION: Mapping[str, Any] = {"objects": {"configfile": ["settings"]}}


def missing_requirements(objects: Collection[str]) -> list[str]:
    """Those of the required printer objects that are not loaded."""
    return [name for name in REQUIRED_OBJECTS if name not in objects]


def read_status(answer: Any) -> dict[str, Any]:
    """Fields of printer objects in an answer to objects/query; empty when it has none."""
    status = answer.get("status") if isinstance(answer, dict) else None
    return status if isinstance(status, dict) else {}


def read_object(answer: Any, name: str) -> dict[str, Any]:
    """One object's fields in an answer to objects/query; empty when it has none."""
    fields = read_status(answer).get(name)
    return fields if isinstance(fields, dict) else {}


def read_settings(answer: Any) -> dict[str, dict[str, Any]]:
    """`configfile.settings` of an answer to `SETTINGS_QUESTION`, by section; what does not fit is
    left out."""
    settings = read_object(answer, "configfile").get("settings")
    sections = settings.items() if isinstance(settings, dict) else ()
    return {str(name): section for name, section in sections if isinstance(section, dict)}


def read_names(result: Any, member: str) -> list[str]:
    """A list of texts in an answer such as `{"objects": [...]}`; what does not fit is left out."""
    names = result.get(member) if isinstance(result, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def virtual_sd_path(config: Any) -> str | None:
    """The `path` of `[virtual_sdcard]`, as written in `configfile.config`."""
    section = config.get("virtual_sdcard") if isinstance(config, dict) else None
    path = section.get("path") if isinstance(section, dict) else None
    return path if isinstance(path, str) and path else None

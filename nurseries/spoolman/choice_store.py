"""The user's choice of spools, in Moonraker's namespace: it survives restarts, and a change between
the two programs."""

from typing import Any

import msgspec

from mrk.database.database_protocols import ItemsPort

NAMESPACE = "moonraker"
KEY = "spoolman"


class Choice(msgspec.Struct, frozen=True):
    """The active spool, and spools of single tools by the extruder's name."""

    spool_id: int | None
    tool_spools: dict[str, int]


async def read(items: ItemsPort) -> Choice:
    """What was chosen last; nothing of what cannot be read. Raises `ClientError`."""
    stored: Any = await items.get_item(NAMESPACE, KEY)
    record = stored if isinstance(stored, dict) else {}
    spool_id, tools = record.get("spool_id"), record.get("tool_spools")
    tools = tools if isinstance(tools, dict) else {}
    return Choice(
        spool_id if _is_id(spool_id) else None,
        {tool: one for tool, one in tools.items() if _is_id(one)},
    )


async def write(items: ItemsPort, spool_id: int | None, tool_spools: dict[str, int]) -> None:
    """Store a choice. Raises `ClientError`."""
    await items.put_item(NAMESPACE, (KEY, "spool_id"), spool_id)
    await items.put_item(NAMESPACE, (KEY, "tool_spools"), dict(tool_spools))


def _is_id(value: object) -> bool:
    return type(value) is int and value > 0

"""machine.update.*: what clients may ask, the calls of older front ends included."""

from collections.abc import Callable
from typing import Any

import msgspec

from mrk.api.endpoint import Access, Endpoint, NoParams
from mrk.updates.statuses import UpdateStatus


class UpdateStatusParams(msgspec.Struct, frozen=True):
    """`refresh` is deprecated: have all items looked at first, if that is possible now."""

    refresh: bool = False


class UpdateRefreshParams(msgspec.Struct, frozen=True):
    """One item, all of them when left out."""

    name: str | None = None


class UpgradeParams(msgspec.Struct, frozen=True):
    """One item, everything when left out."""

    name: str | None = None


class RecoverParams(msgspec.Struct, frozen=True):
    """`hard` clones anew; `update_deps` installs what the item needs once more."""

    name: str
    hard: bool = False
    update_deps: bool = False


class RollbackParams(msgspec.Struct, frozen=True):
    """One item."""

    name: str


class UpdateHandlers(msgspec.Struct, frozen=True):
    """Who answers; each takes params and caller."""

    status: Callable[..., Any]
    refresh: Callable[..., Any]
    upgrade: Callable[..., Any]
    upgrade_built_in: Callable[[str], Callable[..., Any]]
    full: Callable[..., Any]
    recover: Callable[..., Any]
    rollback: Callable[..., Any]


def endpoints(handlers: UpdateHandlers) -> list[Endpoint]:
    """The ten methods."""
    VIEW, OPERATE, ADMIN = Access.VIEW, Access.OPERATE, Access.ADMIN
    again = "(deprecated; use machine.update.upgrade)."
    look = "What is known of every item."
    rows: list[tuple[str, type[msgspec.Struct], Callable[..., Any], str, Access, Any]] = [
        ("status", UpdateStatusParams, handlers.status, look, VIEW, UpdateStatus),
        (
            "refresh",
            UpdateRefreshParams,
            handlers.refresh,
            "Look for new versions of one item or of all.",
            OPERATE,
            UpdateStatus,
        ),
    ]
    changes: list[tuple[str, type[msgspec.Struct], Callable[..., Any], str]] = [
        ("upgrade", UpgradeParams, handlers.upgrade, "Update one item, or everything."),
        ("client", UpgradeParams, handlers.upgrade, f"Update a configured item {again}"),
        ("full", NoParams, handlers.full, f"Update everything {again}"),
        ("recover", RecoverParams, handlers.recover, "Repair a git item."),
        ("rollback", RollbackParams, handlers.rollback, "Go back to the version before."),
    ]
    for name, what in (
        ("moonraker", "this server"),
        ("klipper", "Klipper"),
        ("system", "the packages of the operating system"),
    ):
        changes.append((name, NoParams, handlers.upgrade_built_in(name), f"Update {what} {again}"))
    rows += [(*change, ADMIN, str) for change in changes]
    return [
        Endpoint(
            f"/machine/update/{name}",
            ("GET",) if name == "status" else ("POST",),
            params,
            handler,
            summary,
            access=access,
            result=result,
        )
        for name, params, handler, summary, access, result in rows
    ]

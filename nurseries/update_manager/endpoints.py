"""machine.update.*: what clients may ask, the calls of older front ends included."""

from collections.abc import Callable
from typing import Any

import msgspec

from mrk.api.endpoint import Access, Endpoint, NoParams, get, post
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
    here, again = "/machine/update", "(deprecated; use machine.update.upgrade)."
    rows: list[tuple[str, Callable[..., Any], str, type[msgspec.Struct]]] = [
        ("upgrade", handlers.upgrade, "Update one item, or everything.", UpgradeParams),
        ("client", handlers.upgrade, f"Update a configured item {again}", UpgradeParams),
        ("full", handlers.full, f"Update everything {again}", NoParams),
        ("recover", handlers.recover, "Repair a git item.", RecoverParams),
        ("rollback", handlers.rollback, "Go back to the version before.", RollbackParams),
    ]
    for name, what in (
        ("moonraker", "this server"),
        ("klipper", "Klipper"),
        ("system", "the packages of the operating system"),
    ):
        rows.append((name, handlers.upgrade_built_in(name), f"Update {what} {again}", NoParams))
    return [
        get(
            f"{here}/status",
            handlers.status,
            "What is known of every item.",
            Access.VIEW,
            UpdateStatusParams,
            UpdateStatus,
        ),
        post(
            f"{here}/refresh",
            handlers.refresh,
            "Look for new versions of one item or of all.",
            Access.OPERATE,
            UpdateRefreshParams,
            UpdateStatus,
        ),
        *(
            post(f"{here}/{name}", handler, summary, Access.ADMIN, params, str)
            for name, handler, summary, params in rows
        ),
    ]

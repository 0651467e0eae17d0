"""Begins fresh log files on request, our own and Klipper's.

Klipper keeps its log open, so its service is stopped, the log renamed and the service started
again. Runs nothing by itself; a request that is cancelled midway still starts Klipper.
"""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import trio

from mrk.errors import ClientError, MrkError
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.klippy.peer import unit_of_cgroup
from mrk.klippy.requirements import read_object
from mrk.machine.services import ServiceControl, ServiceError

logger = logging.getLogger(__name__)

APPLICATIONS = ("moonraker", "klipper")
_OWN_LOG_S = 5.0
_ASK_S = 5.0
_PRINT_STATE = {"objects": {"print_stats": ["state"]}}
# Enough for a service manager to take an order; the daemon's own shutdown waits for it.
_GOODBYE_S = 1.5


class OwnLog(Protocol):
    """The daemon's log."""

    def roll_over(self) -> None:
        """Begin a fresh file; blocks. Raises `MrkError` or `OSError`."""
        ...


class RolloverFailed(MrkError):
    """One application's log was not rolled over; the text is for a person."""


class LogRollover:
    """Our log and Klipper's."""

    def __init__(
        self,
        log: OwnLog,
        klippy: KlippyPort,
        services: ServiceControl,
        *,
        own_cgroup: Path = Path("/proc/self/cgroup"),
    ) -> None:
        self._own_cgroup = own_cgroup
        self._log = log
        self._klippy = klippy
        self._services = services
        self._klipper_under_way = False

    async def rollover(self, applications: Sequence[str]) -> dict[str, str | None]:
        """Roll over one log after the other; one's failure does not stop the others.

        Returns, for each application, why it failed, or None. Raises `ClientError` 400.
        """
        for application in applications:
            if application not in APPLICATIONS:
                raise ClientError(f"Unknown application {application[:60]!r}")
        outcomes: dict[str, str | None] = {}
        for application in applications:
            try:
                await (self._roll_own() if application == "moonraker" else self._roll_klipper())
                outcomes[application] = None
            except RolloverFailed as exc:
                logger.warning("log rollover of %s: %s", application, exc)
                outcomes[application] = str(exc)
        return outcomes

    async def _roll_own(self) -> None:
        try:
            with trio.fail_after(_OWN_LOG_S):
                await trio.to_thread.run_sync(self._log.roll_over, abandon_on_cancel=True)
        except trio.TooSlowError as exc:
            raise RolloverFailed(f"the disk did not answer within {_OWN_LOG_S:g} s") from exc
        except (MrkError, OSError) as exc:
            raise RolloverFailed(str(exc)) from exc

    async def _roll_klipper(self) -> None:
        if self._klipper_under_way:
            raise RolloverFailed("a rollover is under way")
        self._klipper_under_way = True
        try:
            unit = await self._unit()
            log_file = await _existing(self._klippy.info.get("log_file"))
            if await self._is_printing():
                raise RolloverFailed("busy with a print job")
            await self._restart_around_rename(unit, log_file)
        finally:
            self._klipper_under_way = False

    async def _unit(self) -> str:
        """Klipper's unit, if stopping it stops Klipper and nothing that was not meant."""
        peer = self._klippy.peer
        if peer is None or peer.unit is None or peer.unit.startswith("user@"):
            # Started from a terminal, its unit is the whole session of that user.
            raise RolloverFailed("the service unit of Klipper is not known")
        if peer.unit == await trio.to_thread.run_sync(_unit_of, self._own_cgroup):
            raise RolloverFailed("Klipper runs in the same service unit as this server")
        return peer.unit

    async def _is_printing(self) -> bool:
        """Ask Klipper itself: nobody may have subscribed to `print_stats`. A pause is a print."""
        try:
            with trio.fail_after(_ASK_S):
                answer = await self._klippy.call("objects/query", _PRINT_STATE)
        except (ClientError, trio.TooSlowError) as exc:
            raise RolloverFailed("Klipper does not say whether it prints") from exc
        return read_object(answer, "print_stats").get("state") in ("printing", "paused")

    async def _restart_around_rename(self, unit: str, log_file: Path) -> None:
        failures = []
        start_tried = False
        try:
            try:
                await self._services.stop(unit)
                await trio.to_thread.run_sync(_set_aside, log_file)
            except (ServiceError, OSError) as exc:
                failures.append(str(exc))
            try:
                await self._services.start(unit)
            except ServiceError as exc:
                failures.append(str(exc))
            start_tried = True
        finally:
            if not start_tried:
                # Klipper must not stay down because a client left or the daemon ends.
                with trio.move_on_after(_GOODBYE_S, shield=True):
                    await self._start_anyhow(unit)
        if failures:
            raise RolloverFailed("; ".join(failures))

    async def _start_anyhow(self, unit: str) -> None:
        try:
            await self._services.start(unit)
        except ServiceError as exc:
            logger.error("Klipper was stopped for a log rollover and did not start: %s", exc)


def _unit_of(cgroup: Path) -> str | None:
    try:
        return unit_of_cgroup(cgroup.read_text())
    except (OSError, ValueError):
        return None


async def _existing(log_file: object) -> Path:
    if not isinstance(log_file, str) or not log_file:
        raise RolloverFailed("the log file of Klipper is not known")
    path = Path(log_file)
    if not await trio.to_thread.run_sync(path.is_file):
        raise RolloverFailed(f"the log file of Klipper is not there: {path}")
    return path


def _set_aside(log_file: Path) -> None:
    """Rename `klippy.log` to `klippy.log.2024-05-01_10-00-00`, local time; replaces nothing."""
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    aside = log_file.with_name(f"{log_file.name}.{stamp}")
    number = 1
    while aside.exists():
        aside = log_file.with_name(f"{log_file.name}.{stamp}-{number}")
        number += 1
    log_file.rename(aside)

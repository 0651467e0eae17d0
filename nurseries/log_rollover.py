"""Begins fresh log files on request: `server.logs.rollover` for our log and for Klipper's.

Klipper keeps its log open, so its service is stopped, the log renamed and the service started
again. Runs nothing by itself; a request that is cancelled midway still starts Klipper.
"""

import logging
import time
from pathlib import Path
from typing import Protocol

import msgspec
import trio

from mrk.api.caller import Caller
from mrk.api.endpoint import Endpoint
from mrk.errors import ClientError, MrkError
from mrk.machine.services import ServiceControl, ServiceError

logger = logging.getLogger(__name__)

APPLICATIONS = ("moonraker", "klipper")
_OWN_LOG_S = 5.0
# Enough for systemctl to hand its order over; the daemon's own shutdown waits for it.
_GOODBYE_S = 1.5


class OwnLog(Protocol):
    """The daemon's log."""

    def roll_over(self) -> None:
        """Begin a fresh file; blocks. Raises `MrkError` or `OSError`."""
        ...


class KlippyFacts(Protocol):
    """What has to be known about Klippy; the link answers with what Klippy last said."""

    @property
    def log_file(self) -> str | None: ...

    @property
    def unit_name(self) -> str | None: ...

    @property
    def is_printing(self) -> bool: ...


class RolloverParams(msgspec.Struct, frozen=True):
    """`application` is moonraker or klipper; both when absent."""

    application: str | None = None


class RolloverAnswer(msgspec.Struct, frozen=True):
    """What was done, and what was not: application -> error text."""

    rolled_over: list[str]
    failed: dict[str, str]


class RolloverFailed(MrkError):
    """One application's log was not rolled over; the text is for a person."""


class LogRollover:
    """The endpoint `server.logs.rollover`."""

    def __init__(self, log: OwnLog, klippy: KlippyFacts, services: ServiceControl) -> None:
        self._log = log
        self._klippy = klippy
        self._services = services
        self._klipper_under_way = False

    def endpoints(self) -> list[Endpoint]:
        """`server.logs.rollover`."""
        return [
            Endpoint(
                "/server/logs/rollover",
                ("POST",),
                RolloverParams,
                self.rollover,
                "Begin a fresh log file for this server, for Klipper, or for both.",
                result=RolloverAnswer,
            )
        ]

    async def rollover(self, params: RolloverParams, caller: Caller) -> RolloverAnswer:
        """Roll our log first, then Klipper's; one's failure does not stop the other."""
        wanted = APPLICATIONS if params.application is None else (params.application,)
        if wanted[0] not in APPLICATIONS:
            raise ClientError(f"Unknown application {wanted[0][:60]!r}")
        answer = RolloverAnswer([], {})
        for application in wanted:
            try:
                await (self._roll_own() if application == "moonraker" else self._roll_klipper())
                answer.rolled_over.append(application)
            except RolloverFailed as exc:
                logger.warning("log rollover of %s: %s", application, exc)
                answer.failed[application] = str(exc)
        return answer

    async def _roll_own(self) -> None:
        try:
            with trio.fail_after(_OWN_LOG_S):
                await trio.to_thread.run_sync(self._log.roll_over, abandon_on_cancel=True)
        except trio.TooSlowError as exc:
            raise RolloverFailed(f"the disk did not answer within {_OWN_LOG_S:g} s") from exc
        except (MrkError, OSError) as exc:
            raise RolloverFailed(str(exc)) from exc

    async def _roll_klipper(self) -> None:
        if self._klippy.is_printing:
            raise RolloverFailed("busy with a print job")
        if self._klipper_under_way:
            raise RolloverFailed("a rollover is under way")
        unit = self._klippy.unit_name
        if unit is None:
            raise RolloverFailed("the service unit of Klipper is not known")
        self._klipper_under_way = True
        try:
            log_file = await _existing(self._klippy.log_file)
            await self._restart_around_rename(unit, log_file)
        finally:
            self._klipper_under_way = False

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


async def _existing(log_file: str | None) -> Path:
    if not log_file:
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

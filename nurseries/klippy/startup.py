"""The set-up of one connection, from the first `info` to ready, step by step.

Run once per connection as a task of its own; it ends with the connection. Errors of Klipper
are tried again every 0.25 s; what a fork may lack is given up after some tries.
"""

import logging
import os
from collections.abc import Mapping
from typing import Any

import trio

from mrk.errors import ClientError
from mrk.klippy.events import EndpointsListed, Identified, Started
from mrk.klippy.requirements import (
    missing_requirements,
    read_names,
    read_object,
    virtual_sd_path,
)
from mrk.klippy.state import READY
from mrk.log.throttle import LogThrottle
from mrk.version import MOONRAKER_VERSION
from nurseries.klippy.linked import OUTPUT_METHOD, LinkedKlippy, remote_method_params

logger = logging.getLogger(__name__)

POLL_S = 0.25
# Steps that a fork may refuse for good: 2 s of trying.
OPTIONAL_TRIES = 8
CLIENT_INFO = {"client_info": {"program": "Moonraker", "version": MOONRAKER_VERSION}}


class Startup:
    """Brings one linked Klipper to ready, and again whenever it becomes ready anew."""

    def __init__(self, linked: LinkedKlippy) -> None:
        self._linked = linked
        self._session = linked.session
        self._throttle = LogThrottle()

    async def run(self) -> None:
        """Ends only when cancelled."""
        await self._poll_info()
        await self._start()
        while True:
            if self._session.reported == READY:
                await self._prepare()
            self._linked.ready_again = trio.Event()
            for event in self._session.finish():
                self._linked.publish(event)
            await self._linked.ready_again.wait()

    async def _poll_info(self) -> None:
        params: dict[str, Any] = CLIENT_INFO
        while True:
            info = await self._try("info", params)
            if isinstance(info, dict):
                self._linked.info = info
                left_startup = self._session.on_info(info.get("state"), info.get("state_message"))
                if params:
                    params = {}
                    self._linked.publish(Identified(info))
                    await self._list_endpoints()
                if left_startup:
                    return
            await trio.sleep(POLL_S)

    async def _start(self) -> None:
        await self._subscribe_webhooks()
        await self._insist(
            "gcode/subscribe_output", {"response_template": {"method": OUTPUT_METHOD}}
        )
        await self._list_endpoints()
        self._linked.publish(Started(self._session.reported))

    async def _subscribe_webhooks(self) -> None:
        while True:
            try:
                await self._linked.subscribe_shared({"webhooks": None})
                return
            except ClientError as exc:
                self._complain("objects/subscribe", exc)
            await trio.sleep(POLL_S)

    async def _prepare(self) -> None:
        listed = await self._insist("objects/list")
        if listed is not None:
            objects = read_names(listed, "objects")
            self._linked.object_names = frozenset(objects)
            self._linked.missing_requirements = missing_requirements(objects)
            if "virtual_sdcard" in objects:
                await self._read_virtual_sd_path()
        while missing := [name for name in self._linked.methods if self._is_new(name)]:
            for name in missing:
                self._linked.registered.add(name)
                await self._insist("register_remote_method", remote_method_params(name))

    def _is_new(self, name: str) -> bool:
        return name not in self._linked.registered

    async def _read_virtual_sd_path(self) -> None:
        params = {"objects": {"configfile": ["config"]}}
        answer = await self._insist("objects/query", params)
        path = virtual_sd_path(read_object(answer, "configfile").get("config"))
        if path is not None:
            self._linked.virtual_sd_path = _expanded(path)

    async def _list_endpoints(self) -> None:
        names = tuple(read_names(await self._insist("list_endpoints"), "endpoints"))
        self._linked.endpoint_names = names
        self._linked.publish(EndpointsListed(names))

    async def _insist(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Ask until it is answered; None when Klipper keeps refusing."""
        for _ in range(OPTIONAL_TRIES):
            answer = await self._try(method, params)
            if answer is not None:
                return answer
            await trio.sleep(POLL_S)
        logger.warning("Klipper refuses %s: going on without", method)
        return None

    async def _try(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        try:
            return await self._linked.call(method, params)
        except ClientError as exc:
            self._complain(method, exc)
            return None

    def _complain(self, method: str, error: ClientError) -> None:
        self._throttle.log(
            logger,
            f"Klipper refused {method}: {error.message}",
            trio.current_time(),
            level=logging.INFO,
        )


def _expanded(path: str) -> str:
    """Klipper expands `~` too, usually as the same user. `~name` would ask the user database."""
    return os.path.expanduser(path) if path.startswith("~/") else path

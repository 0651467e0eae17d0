"""`mrk call` and `mrk watch`: what a person who debugs a printer wants from a terminal.

Each opens one connection, prints JSON to standard output and ends; what goes wrong is one line
on standard error and exit code 1.
"""

import contextlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from mrk.errors import ClientError, MrkError, leaves
from mrk.version import VERSION
from nurseries.client.channels import (
    ChannelClosed,
    open_unix_channel,
    open_websocket_channel,
)
from nurseries.client.rpc_client import CallFailed, RpcClient, open_rpc_client


@dataclass(frozen=True, slots=True)
class Target:
    """Which daemon: a websocket address, or else its unix socket."""

    unix_socket: Path
    url: str | None = None


@contextlib.asynccontextmanager
async def connect(target: Target) -> AsyncIterator[RpcClient]:
    """A client of the target that has said who it is."""
    if target.url is None:
        channel_manager = open_unix_channel(target.unix_socket)
    else:
        channel_manager = open_websocket_channel(target.url)
    async with channel_manager as channel, open_rpc_client(channel) as client:
        await client.call(
            "server.connection.identify",
            client_name="mrk command line",
            version=VERSION,
            type="other",
            url="https://www.klipper3d.org/",
        )
        yield client


def parse_arguments(words: Sequence[str]) -> dict[str, Any]:
    """`key=value` words -> params; a value that is JSON is taken as JSON, else as text.

    Raises `ClientError` for a word without `=`.
    """
    params = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise ClientError(f"{word!r} is no argument: write key=value")
        try:
            params[key] = json.loads(text)
        except ValueError:
            params[key] = text
    return params


def parse_objects(words: Sequence[str]) -> dict[str, list[str] | None]:
    """`extruder=temperature,target toolhead` -> the `objects` of a subscription."""
    objects: dict[str, list[str] | None] = {}
    for word in words:
        name, _, fields = word.partition("=")
        objects[name] = [f.strip() for f in fields.split(",") if f.strip()] or None
    return objects


async def call(target: Target, method: str, words: Sequence[str]) -> int:
    """Run one method and print its result; returns the exit code."""

    async def ask(client: RpcClient) -> None:
        result = await client.call_with(method, parse_arguments(words))
        print(json.dumps(result, indent=2, ensure_ascii=False))

    return await _with_client(target, ask)


async def watch(target: Target, objects: Sequence[str], everything: bool) -> int:
    """Print notifications, one JSON object a line, until interrupted or disconnected."""

    async def listen(client: RpcClient) -> None:
        wanted = parse_objects(objects)
        await _subscribe(client, wanted, everything)
        async for message in client.notifications:
            _print_line(message, sys.stdout)
            if message["method"] == "notify_klippy_ready":
                await _subscribe(client, wanted, everything)
        raise client.lost or ChannelClosed("the daemon ended the connection")

    return await _with_client(target, listen)


async def _subscribe(
    client: RpcClient, wanted: dict[str, list[str] | None], everything: bool
) -> None:
    """Subscribe, if Klipper is there; `watch` subscribes again when it comes."""
    try:
        if everything:
            listed = await client.call("printer.objects.list")
            wanted = dict.fromkeys(listed["objects"])
        if wanted:
            status = await client.call("printer.objects.subscribe", objects=wanted)
            _print_line({"method": "printer.objects.subscribe", "params": [status]}, sys.stdout)
    except CallFailed as exc:
        print(f"mrk: not subscribed: {exc}; waiting for notify_klippy_ready", file=sys.stderr)


def _print_line(message: dict[str, Any], out: TextIO) -> None:
    print(json.dumps(message, ensure_ascii=False, separators=(",", ":")), file=out, flush=True)


async def _with_client(target: Target, use: Callable[[RpcClient], Awaitable[None]]) -> int:
    try:
        async with connect(target) as client:
            await use(client)
    except* MrkError as group:
        error = leaves(group)[0]
        print(f"mrk: {error}", file=sys.stderr)
        return_code = 1
    else:
        return_code = 0
    return return_code

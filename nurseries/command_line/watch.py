"""`mrk watch`: the notifications of a running daemon, one JSON object a line."""

import json
import sys
from collections.abc import Sequence
from typing import Any, TextIO

import click
import trio

from config.paths import Paths
from nurseries.client.channels import ChannelClosed
from nurseries.client.rpc_client import CallFailed, RpcClient
from nurseries.command_line.daemon_connection import Target, with_client


@click.command("watch")
@click.argument("objects", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Subscribe to every printer object.")
@click.option("--url", help="Websocket, such as ws://127.0.0.1:7125/websocket.")
@click.pass_obj
def command(paths: Paths, objects: tuple[str, ...], everything: bool, url: str | None) -> None:
    """Print notifications of a running daemon, and changes of OBJECTS (extruder=temperature)."""
    sys.exit(trio.run(watch, Target(paths.unix_socket, url), objects, everything))


def parse_objects(words: Sequence[str]) -> dict[str, list[str] | None]:
    """`extruder=temperature,target toolhead` -> the `objects` of a subscription."""
    objects: dict[str, list[str] | None] = {}
    for word in words:
        name, _, fields = word.partition("=")
        objects[name] = [f.strip() for f in fields.split(",") if f.strip()] or None
    return objects


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

    return await with_client(target, listen)


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

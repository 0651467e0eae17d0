"""One connection of a command to a running daemon.

What goes wrong with it is one line on standard error and exit code 1.
"""

import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from mrk.errors import MrkError, leaves
from mrk.version import VERSION
from nurseries.client.channels import open_unix_channel, open_websocket_channel
from nurseries.client.rpc_client import RpcClient, open_rpc_client


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


async def with_client(target: Target, use: Callable[[RpcClient], Awaitable[None]]) -> int:
    """Run `use` with a client of the target; returns the exit code."""
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

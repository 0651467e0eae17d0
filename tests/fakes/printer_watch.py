"""A client that watches printer objects in a `House`, and a Klippy that changes them or refuses."""

from typing import Any

from mrk.clients.registry import Client
from tests.fakes.house import House, notes
from tests.fakes.klippy import Refused

Status = dict[str, dict[str, Any]]


async def subscribe(house: House, client: Client, objects: Any) -> Any:
    answer = await house.call("printer.objects.subscribe", {"objects": objects}, client)
    return answer["status"]


def updates(client: Client) -> list[Status]:
    return [params[0] for method, params in notes(client) if method == "notify_status_update"]


async def change(house: House, status: Status) -> None:
    await house.klippy.send(house.klippy.change(status))
    await house.settle()


def refuse(text: str) -> Any:
    def handler(_params: Any) -> Any:
        raise Refused(text)

    return handler

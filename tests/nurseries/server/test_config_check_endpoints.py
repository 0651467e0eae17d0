import threading
from functools import partial

import pytest
import trio
import trio.testing

from mrk.api.caller import Caller, Transport
from mrk.api.table import Table
from mrk.errors import ClientError
from nurseries.server import config_check_endpoints as config_check
from nurseries.server.config_check_endpoints import Check, CheckAnswer, ConfigCheck, ConfigFinding


async def checked(check: ConfigCheck) -> CheckAnswer:
    table = Table(check.endpoints())
    call = table.method("server.config.check", Transport.WEBSOCKET).call
    found: CheckAnswer = await call({}, Caller(Transport.WEBSOCKET))
    return found


async def test_each_line_with_its_kind() -> None:
    lines: Check = lambda: ["[server] port: no", "warning: old (a.conf:3)", "note: read b.conf"]  # noqa: E731
    assert (await checked(ConfigCheck(lines))).findings == [
        ConfigFinding("error", "[server] port: no"),
        ConfigFinding("warning", "old (a.conf:3)"),
        ConfigFinding("note", "read b.conf"),
    ]


async def test_a_check_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_check, "CHECK_S", 0.05)
    go_on = threading.Event()
    hung = ConfigCheck(lambda: [str(go_on.wait(20))])
    try:
        async with trio.open_nursery() as nursery:
            for _ in range(2):  # the second one waits for the first one's thread

                async def refused() -> None:
                    with pytest.raises(ClientError, match="longer") as error:
                        await checked(hung)
                    assert error.value.status == 503

                nursery.start_soon(partial(refused))
    finally:
        go_on.set()

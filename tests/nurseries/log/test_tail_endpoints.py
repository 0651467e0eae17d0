"""Arguments of server.logs.tail at their bounds."""

import math

import pytest

from mrk.api.caller import Caller, Transport
from mrk.errors import ClientError
from mrk.log.recent_lines import MOST_LINES
from nurseries.log.live_log import LiveLog
from nurseries.log.tail_endpoints import MOST_WAIT_S, TailEndpoints, TailParams

CALLER = Caller(Transport.WEBSOCKET)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        (TailParams(wait=math.nan), "'wait': nan given, 0 to 30 expected"),
        (TailParams(wait=MOST_WAIT_S + 1), "'wait': 31.0 given"),
        (TailParams(wait=10**400), "'wait': 1000"),
        (TailParams(lines=MOST_LINES + 1), "'lines'"),
        (TailParams(lines=0), "'lines': 0 given"),
        (TailParams(after=-1), "'after': -1 given, at least 0 expected"),
    ],
)
async def test_bounds(params: TailParams, said: str) -> None:
    with pytest.raises(ClientError) as error:
        await TailEndpoints(LiveLog()).tail(params, CALLER)
    assert said in error.value.message


async def test_at_the_bounds() -> None:
    params = TailParams(lines=MOST_LINES, wait=0.0)
    assert (await TailEndpoints(LiveLog()).tail(params, CALLER)).lines == []

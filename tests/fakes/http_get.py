"""The outgoing HTTP client of tests: answers by URL, without a network (`HttpGet`)."""

from collections.abc import Mapping

import trio

from mrk.http.client import NO_HEADERS, Fetched, FetchFailed


class FakeHttp:
    """URLs that `answers` does not hold cannot be reached; None as an answer never comes."""

    def __init__(self) -> None:
        self.answers: dict[str, Fetched | None] = {}
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    def put(self, url: str, body: bytes, status: int = 200, **headers: str) -> None:
        self.answers[url] = Fetched(status, headers, body, True)

    async def get(
        self,
        url: str,
        *,
        most_bytes: int,
        headers: Mapping[str, str] = NO_HEADERS,
        local: bool = False,
    ) -> Fetched:
        self.asked.append((url, headers))
        await trio.lowlevel.checkpoint()
        if url not in self.answers:
            raise FetchFailed("ConnectError: no route")
        answer = self.answers[url]
        if answer is None:
            await trio.sleep_forever()
        assert answer is not None
        body = answer.body[:most_bytes]
        return Fetched(answer.status, answer.headers, body, len(answer.body) <= most_bytes)

"""Whether a repository's old address leads to the official one."""

import pytest

from nurseries.http_client import HttpClient
from nurseries.update_manager.git_origin import leads_to
from tests.fakes.web_server import open_web_server, response

pytestmark = pytest.mark.e2e


async def test_only_a_redirect_to_it_counts():
    async with open_web_server() as server:
        new = f"{server.url}/new/thing.git"
        server.replies["/old/thing.git"] = response(b"", "301 Moved", Location="/new/thing")
        server.replies["/loop"] = response(b"", "302 Found", Location="/loop")
        http = HttpClient()
        assert await leads_to(http, f"{server.url}/old/thing.git", new)
        assert not await leads_to(http, f"{server.url}/other", new)
        assert not await leads_to(http, f"{server.url}/loop", new)
        assert not await leads_to(http, "git@example.org:old/thing", new)
        assert not await leads_to(http, "http://127.0.0.1:9/x", new)

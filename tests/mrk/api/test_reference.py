import msgspec

from mrk.api.endpoint import Access, Endpoint
from mrk.api.reference import markdown
from mrk.api.table import Table


class FileParams(msgspec.Struct, frozen=True):
    filename: str
    copies: int = 1


def test_a_method_is_described_by_its_declaration() -> None:
    endpoint = Endpoint(
        "/server/job_queue/job",
        ("POST",),
        FileParams,
        lambda _params, _caller: None,
        "Queue files.",
        Access.OPERATE,
    )
    page = markdown(Table([endpoint]))
    assert "## server.job_queue\n\n### `server.job_queue.job`\n\nQueue files." in page
    assert "- HTTP: POST `/server/job_queue/job`" in page
    assert "- role: operate" in page
    assert "- arguments: `filename` string, [`copies` integer]" in page

"""The dashboard in docs/ asks for nothing that there is not; `docs/metrics.md` says where it is."""

import json
import re
from pathlib import Path

from mrk.clients.registry import Clients
from mrk.jobs.queue import Queue
from mrk.metrics import daemon, jobs, printer
from mrk.metrics.family import COUNTER, MetricFamily
from mrk.metrics.histogram import Histogram
from mrk.metrics.request_counts import RequestCounts

DOCS = Path(__file__).parents[3] / "docs"
NAME = re.compile(r"\b((?:klipper|mrk|process)_[a-z0-9_]+)\b")


def told() -> set[str]:
    families: list[MetricFamily] = [
        *printer.printer_families("ready", (), lambda _name: {}),
        *jobs.total_families({}),
        *jobs.queue_families(Queue()),
        *daemon.process_families(daemon.ProcessFigures()),
        *daemon.client_families(Clients()),
        *daemon.service_families([]),
        daemon.version_family(),
        daemon.request_family(RequestCounts()),
        daemon.lag_family(Histogram(())),
        daemon.round_trip_family(Histogram(())),
    ]
    names = {family.name + ("_total" if family.kind == COUNTER else "") for family in families}
    return names | {"mrk_http_connections"}


def test_every_query_has_its_metric() -> None:
    text = (DOCS / "examples" / "grafana-dashboard.json").read_text()
    expressions = " ".join(re.findall(r'"expr": "(.*)"', text))
    asked = {name.removesuffix("_bucket") for name in NAME.findall(expressions)}
    assert len(asked) > 25
    assert asked - told() == set()
    assert len(json.loads(text)["panels"]) > 20


def test_the_page_tells_of_every_family() -> None:
    page = (DOCS / "metrics.md").read_text()
    written = set(NAME.findall(page))
    # Families of one stem are written by their endings.
    for stem, ending in re.findall(r"`(klipper_(?:print|mcu)_)|`_([a-z_]+)", page):
        if not stem:
            written |= {f"klipper_print_{ending}", f"klipper_mcu_{ending}"}
    missing = {
        name
        for name in told() - written
        if not name.startswith("process_")
        and not re.fullmatch(r"klipper_mcu_\w+_bytes_total", name)
    }
    assert missing == set()

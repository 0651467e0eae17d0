"""`python -m tests.prometheus`: a real Prometheus scrapes a daemon each second beside a print.

Needs Debian's `prometheus` (with `promtool`). Ends with 1 and a line for each scrape that failed,
each rule of the formats that is broken, and each figure that Prometheus does not have.
"""

import contextlib
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import httpx
import trio

from benchmarks.clients import HOST
from benchmarks.daemon import Daemon, open_daemon, open_printer, start, stop, temporary_folder
from benchmarks.process import cpu_ns
from nurseries.process.free_ports import free_port
from nurseries.virtual_printer.gcodes import sample_gcode

_JOB = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: mrk
    authorization: {{credentials: "{key}"}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
# What has to be known at the end, and at least.
_FIGURES = {
    "max_over_time(klipper_connectedRANGE)": 1,
    'max_over_time(klipper_print_state{state="printing"}RANGE)': 1,
    "max_over_time(klipper_print_duration_secondsRANGE)": 1,
    'max_over_time(klipper_temperature_celsius{object="extruder"}RANGE)': 100,
    'increase(mrk_requests_total{transport="http",status="200"}RANGE)': 10,
    "increase(mrk_loop_lag_seconds_countRANGE)": 5,
    "mrk_service_running": 1,
    "rate(process_cpu_seconds_totalRANGE)": 0.001,
}


@click.command()
@click.option("--minutes", type=click.FloatRange(0.2), default=10.0, show_default=True)
def main(minutes: float) -> None:
    """Scrape, ask Prometheus what it saw, and check the text with promtool."""
    for program in ("prometheus", "promtool"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is missing: apt install prometheus")
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        gcodes = folder / "data" / "gcodes"
        gcodes.mkdir(parents=True)
        # A print of some 20 minutes.
        (gcodes / "cube.gcode").write_bytes(sample_gcode()[1])
        printer = stack.enter_context(open_printer(folder / "data", "--speed", "1"))
        daemon = stack.enter_context(open_daemon(folder / "data", printer))
        daemon.wait_ready()
        complaints = trio.run(_run, daemon, folder, minutes * 60)
        if "Traceback" in daemon.log.read_text(errors="replace"):
            complaints.append("a traceback in the daemon's log")
    for line in complaints:
        click.echo(line)
    click.echo(f"prometheus: {len(complaints)} complaints")
    sys.exit(1 if complaints else 0)


async def _run(daemon: Daemon, folder: Path, seconds: float) -> list[str]:
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{daemon.port}", timeout=20) as mrk:
        answer = await mrk.post("/access/keys/create", json={"name": "scrape", "role": "view"})
        key, port = answer.json()["result"]["api_key"], free_port()
        (await mrk.post("/printer/print/start?filename=cube.gcode")).raise_for_status()
        (folder / "prometheus.yml").write_text(_JOB.format(key=key, port=daemon.port))
        with _prometheus(folder, port):
            await _watch(daemon.pid, seconds)
            async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=20) as asked:
                complaints = await _seen(asked, int(seconds))
        return complaints + await _text_complaints(mrk)


async def _watch(pid: int, seconds: float) -> None:
    began, cpu = time.monotonic(), cpu_ns(pid)
    while (left_s := seconds - (time.monotonic() - began)) > 0:
        await trio.sleep(min(left_s, 30))
        click.echo(f"{time.monotonic() - began:.0f} s", err=True)
    core = (cpu_ns(pid) - cpu) / (seconds * 1e9)
    click.echo(f"the daemon used {100 * core:.2f} % of a core")


async def _text_complaints(mrk: httpx.AsyncClient) -> list[str]:
    text = await mrk.get("/metrics", headers={"Accept": "text/plain"})
    checked = await trio.run_process(
        ["promtool", "check", "metrics"],
        stdin=text.content,
        capture_stderr=True,
        capture_stdout=True,
        check=False,
    )
    said = (checked.stdout + checked.stderr).decode()
    complaints = [f"promtool: {line}" for line in said.splitlines()]
    other = await mrk.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    if not other.text.endswith("\n# EOF\n"):
        complaints.append("OpenMetrics has no end")
    return complaints


@contextlib.contextmanager
def _prometheus(folder: Path, port: int) -> Iterator[None]:
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = start(command, folder / "prometheus.log")
    try:
        yield
    finally:
        stop(process)


async def _seen(asked: httpx.AsyncClient, seconds: int) -> list[str]:
    lately = max(seconds - 5, 5)

    async def values(template: str) -> list[float]:
        query = template.replace("RANGE", f"[{lately}s]")
        answer = (await asked.get("/api/v1/query", params={"query": query})).json()
        return [float(series["value"][1]) for series in answer["data"]["result"]]

    complaints = []
    for template, least in _FIGURES.items():
        found = await values(template)
        if not found or min(found) < least:
            complaints.append(f"{template} is {found}, not at least {least}")
    scrapes = await values("count_over_time(upRANGE)")
    usual = await values("quantile_over_time(0.5, scrape_duration_secondsRANGE)")
    slowest = await values("max_over_time(scrape_duration_secondsRANGE)")
    series = await values("scrape_samples_scraped")
    click.echo(f"{scrapes} scrapes, median {usual} s, slowest {slowest} s, {series} series")
    if await values("min_over_time(upRANGE)") != [1.0]:
        complaints.append(f"scrapes that worked: {await values('avg_over_time(upRANGE)')}")
    if not scrapes or scrapes[0] < 0.97 * lately - 1:
        complaints.append(f"{scrapes} scrapes in {lately} s")
    targets = (await asked.get("/api/v1/targets")).json()["data"]["activeTargets"]
    return complaints + [target["lastError"] for target in targets if target["lastError"]]


if __name__ == "__main__":
    main()

"""Checks of mrk: `nox` runs what CI runs, `nox -s bench` the benchmarks.

Sessions run in the environment that `make` built from requirements.lock, so nothing is
installed twice; `nox -s tests -- -k name` hands arguments to pytest.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "layers", "tests", "e2e"]
# What ruff's ASYNC rules lack.
FLAKE8_ASYNC = ",".join(
    f"ASYNC{number}" for number in (101, 102, 103, 104, 111, 112, 113, 120, 121, 122, 128, 913)
)
# Two processes, each test file in one of them.
IN_TWO = ("-q", "-n", "2", "--dist", "loadfile")
# Also where a session has an environment of its own.
MRK = (sys.executable, "-m", "mrk")
SOURCES = ("config", "mrk", "nurseries", "transports")


def install_npm(session: nox.Session, folder: Path, *packages: str) -> None:
    """Install npm packages into a folder of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    npm = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder))
    session.run(*npm, *packages, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and Trio's pitfalls."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    files = (str(path) for folder in SOURCES for path in Path(folder).rglob("*.py"))
    session.run("flake8-async", "--enable", FLAKE8_ASYNC, *files, log=False)


@nox.session
def types(session: nox.Session) -> None:
    """mypy: strict outside tests, checked inside."""
    session.run("mypy")
    session.run("mypy", "-p", "tests", "-p", "benchmarks")


@nox.session
def layers(session: nox.Session) -> None:
    """Import rules and file sizes of the house."""
    session.run("pytest", "-q", "tests/layers", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Everything that needs no real socket or process."""
    session.run("pytest", *IN_TWO, "-m", "not e2e and not strangers", "tests", *session.posargs)


@nox.session
def e2e(session: nox.Session) -> None:
    """Real sockets, real processes, strangers' client libraries."""
    # Short, because unix sockets have paths of at most 107 bytes.
    folder = tempfile.mkdtemp(prefix="mrk-")
    where = ("--basetemp", f"{folder}/t")
    session.run("pytest", *IN_TWO, *where, "-m", "e2e and not strangers", "tests", *session.posargs)
    shutil.rmtree(folder, ignore_errors=True)


@nox.session
def arm(session: nox.Session) -> None:
    """The compiled planner on aarch64 and armv7, against this machine's: by hand, needs Debian."""
    session.run("bash", ".ci/arm", *session.posargs, external=True)


@nox.session
def strangers(session: nox.Session) -> None:
    """Against programs of other projects, which take long; `.ci/servers` installs the others."""
    install_npm(session, Path("build/strangers"), "tplink-smarthome-simulator")
    home = "build/strangers/home-assistant"
    session.run(sys.executable, "-m", "venv", home)
    packages = ("homeassistant==2024.3.3", "josepy<2", "paho-mqtt==1.6.1")
    session.run(f"{home}/bin/pip", "install", "--quiet", *packages, external=True)
    session.run("pytest", "-q", "-m", "strangers", "tests", *session.posargs)


@nox.session
def compat(session: nox.Session) -> None:
    """Beside Moonraker, which is installed from the package index; `-- --all` shows everything."""
    session.run("python", "-m", "tests.compat", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Figures beside their budgets; `-- --json` for machines."""
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(venv_backend="venv")
def docs(session: nox.Session) -> None:
    """The documentation site in build/site; a dead link or a page outside the index fails."""
    pages = Path("build/docs")
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree("docs", pages)
    with (pages / "api.md").open("w") as reference:
        session.run(*MRK, "api", "--markdown", stdout=reference, external=True)
    session.install("mkdocs-material==9.*")
    session.run("mkdocs", "build", "--quiet", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def soak(session: nox.Session) -> None:
    """A busy printer for 20 minutes, and what it leaves behind; `-- --minutes 3` for less."""
    session.run("python", "-m", "tests.soak", *session.posargs)


@nox.session
def prometheus(session: nox.Session) -> None:
    """A real Prometheus scrapes a print for ten minutes; `-- --minutes 1` for less."""
    session.run("python", "-m", "tests.prometheus", *session.posargs)


@nox.session(venv_backend="venv")
def schemas(session: nox.Session) -> None:
    """The API's documents against the standards' own schemas, and a TypeScript client of them."""
    folder = Path("build/schemas")
    packages = ("openapi-typescript@7", "openapi-fetch", "typescript@5", "@open-rpc/meta-schema")
    install_npm(session, folder, *packages)
    settings = ("-d", str(folder), "-c", "docs/examples/moonraker.conf")
    for kind in ("openapi", "openrpc"):
        with (folder / f"{kind}.json").open("w") as document:
            session.run(*MRK, *settings, "api", f"--{kind}", stdout=document, external=True)
    session.install("openapi-spec-validator")
    session.run("python", "-m", "tests.schemas", str(folder))
    shutil.copy("tests/schemas/client.ts", folder)
    with session.chdir(folder):
        types = ("openapi.json", "--default-non-nullable=false", "--output", "api.d.ts")
        session.run("npx", "openapi-typescript", *types, external=True)
        modules = ("--module", "esnext", "--moduleResolution", "bundler", "--target", "es2022")
        checks = ("--noEmit", "--strict", "--skipLibCheck")
        session.run("npx", "tsc", *checks, *modules, "client.ts", external=True)


@nox.session
def event_source(session: nox.Session) -> None:
    """Chromium's own EventSource is cut 100 times, for 4 minutes; `-- --cuts 5` for less."""
    session.run("python", "-m", "tests.event_source", *session.posargs)


@nox.session
def frontends(session: nox.Session) -> None:
    """Real front ends in Chromium: `-- MAINSAIL FLUIDD [--playwright FOLDER]`, built ones."""
    session.run("python", "-m", "tests.frontends", *session.posargs)


@nox.session
def page(session: nox.Session) -> None:
    """The page of our own in Chromium, by keyboard, in light and dark, with axe-core (npm)."""
    folder = Path("build/page")
    install_npm(session, folder, "playwright-core@1", "axe-core@4")
    modules, shots = folder / "node_modules", folder / "shots"
    session.run("python", "-m", "tests.page", str(modules), str(shots), *session.posargs)

"""mrk's modules in one file: what a start takes from it, and what it does not."""

import marshal
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest
import trio

from mrk.machine.host_commands import CommandResult, CommandUnavailable
from nurseries.process import bundle_writer
from nurseries.process.bundle_keeper import FEW, BundleKeeper
from nurseries.process.bundle_writer import bundle_of
from nurseries.process.late_modules import load_late
from nurseries.process.module_bundle import (
    HEAD,
    MAGIC,
    BundledLoader,
    BundledModule,
    ModuleBundle,
    fingerprint,
    use_bundle,
)

ROOT = Path(__file__).parents[3]
NAME = "bundled_example"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module that says where its code comes from: the file, or the bundle."""
    file = tmp_path / f"{NAME}.py"
    file.write_text("FROM = 'the file'\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield file
    sys.modules.pop(NAME, None)


def entry_of(source: Path, length: int) -> BundledModule:
    found = os.stat(source)
    return BundledModule(str(source), found.st_mtime_ns, found.st_size, False, "", 0, length)


def write(path: Path, source: Path, made_for: Any = None, blob: bytes | None = None) -> Path:
    """A bundle of that one module."""
    if blob is None:
        blob = marshal.dumps(compile("FROM = 'the bundle'\n", str(source), "exec"))
    entries = [(NAME, tuple(entry_of(source, len(blob))))]
    index = marshal.dumps((fingerprint() if made_for is None else made_for, entries))
    path.write_bytes(HEAD.pack(MAGIC, len(index)) + index + blob)
    return path


def imported(bundle: ModuleBundle) -> ModuleType:
    sys.meta_path.insert(0, bundle)
    try:
        return __import__(NAME)
    finally:
        bundle.close()


def test_a_module_comes_from_the_bundle(source: Path, tmp_path: Path) -> None:
    bundle = ModuleBundle(write(tmp_path / "bundle", source))
    module = imported(bundle)
    assert module.FROM == "the bundle"
    assert module.__file__ == str(source)
    assert isinstance(module.__spec__.loader, BundledLoader)  # type: ignore[union-attr]
    # Who asks again, as debuggers do, is told of the file.
    code = module.__spec__.loader.get_code(NAME)  # type: ignore[union-attr]
    assert "the file" in code.co_consts  # type: ignore[union-attr]
    assert bundle not in sys.meta_path


@pytest.mark.parametrize("change", ["size", "time"])
def test_a_source_that_changed_is_read(source: Path, tmp_path: Path, change: str) -> None:
    bundle = ModuleBundle(write(tmp_path / "bundle", source))
    if change == "size":
        source.write_text("FROM = 'another file'\n")
    else:
        os.utime(source, ns=(0, 1))
    assert ("another file" if change == "size" else "the file") == imported(bundle).FROM


def test_a_module_without_its_source_is_not_there(source: Path, tmp_path: Path) -> None:
    bundle = ModuleBundle(write(tmp_path / "bundle", source))
    source.unlink()
    with pytest.raises(ModuleNotFoundError):
        imported(bundle)


# A code object of nothing: `marshal` raises SystemError.
NO_CODE = b"c" + bytes(20) + b"N" * 20


@pytest.mark.parametrize("blob", [b"", b"no code", marshal.dumps("no code"), NO_CODE])
def test_damaged_code_is_passed_over(source: Path, tmp_path: Path, blob: bytes) -> None:
    assert imported(ModuleBundle(write(tmp_path / "bundle", source, blob=blob))).FROM == "the file"


def test_damage_that_asks_for_much_memory_is_passed_over(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "bundle", source)
    bundle, finders = ModuleBundle(path), list(sys.meta_path)

    def loads(_data: bytes) -> object:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(marshal, "loads", loads)
        use_bundle(path)
        assert bundle.code(NAME) is None
    assert sys.meta_path == finders
    assert imported(bundle).FROM == "the bundle"


def test_a_bundle_that_became_shorter_is_passed_over(source: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "bundle", source)
    bundle = ModuleBundle(path)
    os.truncate(path, path.stat().st_size - 10)
    assert imported(bundle).FROM == "the file"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:10],
        lambda data: data[:40],
        lambda data: b"x" + data[1:],
        lambda data: HEAD.pack(MAGIC, 1 << 60) + data[HEAD.size :],
        lambda data: HEAD.pack(MAGIC, 5) + marshal.dumps(7),
        lambda data: HEAD.pack(MAGIC, 100) + marshal.dumps((fingerprint(), [("x", (1, 2))])),
        lambda data: HEAD.pack(MAGIC, len(NO_CODE)) + NO_CODE,
    ],
)
def test_a_file_that_is_none_is_refused(
    source: Path, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    path = write(tmp_path / "bundle", source)
    path.write_bytes(spoil(path.read_bytes()))
    finders, descriptors = list(sys.meta_path), os.listdir("/proc/self/fd")
    use_bundle(path)
    use_bundle(tmp_path / "nothing")
    assert (sys.meta_path, os.listdir("/proc/self/fd")) == (finders, descriptors)


@pytest.mark.parametrize("made_for", [(b"old", 0, str(ROOT)), (*fingerprint()[:2], "/elsewhere")])
def test_of_another_python_or_place_it_is_refused(
    source: Path, tmp_path: Path, made_for: Any
) -> None:
    with pytest.raises(ValueError, match="another Python or place"):
        ModuleBundle(write(tmp_path / "bundle", source, made_for))


def test_where_packages_came_or_went_it_is_refused(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])
    path = write(tmp_path / "bundle", source)
    imported(ModuleBundle(path))
    os.utime(packages, ns=(0, 1))
    with pytest.raises(ValueError, match="another Python or place"):
        ModuleBundle(path)
    path = write(tmp_path / "bundle", source)
    monkeypatch.setattr(sys, "path", sys.path[:-1])
    with pytest.raises(ValueError, match="another Python or place"):
        ModuleBundle(path)


def test_what_is_executed_after_the_end_comes_from_the_file(source: Path, tmp_path: Path) -> None:
    """Modules that wait for their first use have been found in the bundle before."""
    bundle = ModuleBundle(write(tmp_path / "bundle", source))
    sys.meta_path.insert(0, bundle)
    load_late((NAME,))
    bundle.close()
    assert sys.modules[NAME].FROM == "the file"


PROGRAM = """
import mrk.__main__, sys, inspect
import mrk.errors, config.paths, mrk.http, mrk.http.head
from nurseries.process.module_bundle import BundledLoader, leave_bundle
for module in (mrk.errors, mrk.http, mrk.http.head, config.paths):
    print(module.__name__, isinstance(module.__spec__.loader, BundledLoader))
assert mrk.http.__path__ == [str(config.paths.__file__).replace("config/paths.py", "mrk/http")]
assert "class MrkError" in inspect.getsource(mrk.errors)
leave_bundle()
import mrk.http.cors
print(mrk.http.cors.__name__, isinstance(mrk.http.cors.__spec__.loader, BundledLoader))
"""


def run_python(*words: str, given: str = "", prefix: Path) -> str:
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environ |= {"PYTHONPYCACHEPREFIX": str(prefix)}
    done = subprocess.run(
        (sys.executable, *words), cwd=ROOT, env=environ, input=given, text=True,
        capture_output=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_a_start_uses_what_was_written(tmp_path: Path) -> None:
    names = ["mrk.errors", "mrk.http", "mrk.http.head", "mrk.http.cors"]
    run_python("-m", "nurseries.process.bundle_writer", given="\n".join(names), prefix=tmp_path)
    assert run_python("-c", PROGRAM, prefix=tmp_path).splitlines() == [
        "mrk.errors True",
        "mrk.http True",
        "mrk.http.head True",
        "config.paths False",
        "mrk.http.cors False",
    ]


def test_modules_with_a_source_are_bundled(tmp_path: Path) -> None:
    names = ["mrk", "mrk.errors", "mrk.nothing_here", "json", "json.scanner", "trio._core._run"]
    names += ["math", "sys", "nothing_here", "nothing.here", "json.scanner.x"]
    run_python("-m", "nurseries.process.bundle_writer", given="\n".join(names), prefix=tmp_path)
    (file,) = tmp_path.rglob("*.bundle")
    data = file.read_bytes()
    _magic, size = HEAD.unpack(data[: HEAD.size])
    _made_for, entries = marshal.loads(data[HEAD.size : HEAD.size + size])
    found = {name: BundledModule(*one) for name, one in entries}
    assert list(found) == ["mrk", "mrk.errors", "json", "json.scanner", "trio._core._run"]
    assert [one.is_package for one in found.values()] == [True, False, True, False, False]
    assert found["trio._core._run"].path == sys.modules["trio._core._run"].__file__
    assert found["mrk.errors"].path == str(ROOT / "mrk" / "errors.py")


def test_a_source_that_is_replaced_while_it_is_bundled_is_read(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_code = SourceFileLoader.get_code

    def replaced(loader: SourceFileLoader, name: str) -> CodeType | None:
        code = get_code(loader, name)
        source.write_text("FROM = 'the update'\n")
        return code

    with monkeypatch.context() as patch:
        patch.setattr(SourceFileLoader, "get_code", replaced)
        (tmp_path / "bundle").write_bytes(bundle_of([NAME]))
    assert imported(ModuleBundle(tmp_path / "bundle")).FROM == "the update"


def test_nothing_is_made_where_it_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "nice", lambda _more: 0)
    monkeypatch.setattr(os, "access", lambda *_given, **_named: False)
    monkeypatch.setattr(bundle_writer, "bundle_path", lambda: tmp_path / "bundle")
    monkeypatch.setattr(sys, "stdin", None)  # it is not even read
    assert bundle_writer.main() == 1
    assert "Permission denied" in capsys.readouterr().err


class Commands:
    """Says how often it was asked, and for which modules."""

    def __init__(self, status: int = 0) -> None:
        self.status = status
        self.given: list[bytes] = []

    async def run(self, argv: object, given: bytes = b"") -> CommandResult:
        await trio.lowlevel.checkpoint()
        self.given.append(given)
        if self.status == 127:
            raise CommandUnavailable("no such program")
        return CommandResult(self.status, b"", b"read-only\n")


def modules(count: int) -> dict[str, ModuleType]:
    found = {"sys": sys, "json": __import__("json")}
    for number in range(count):
        # Not the loader of a module that is there: pytest has its own for some.
        name = f"mrk.m{number}"
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, SourceFileLoader(name, f"m{number}.py"))
        found[name] = module
    return found


@pytest.mark.parametrize("status", [0, 1, 127])
async def test_it_is_written_when_many_were_not_in_it(status: int, autojump_clock: object) -> None:
    commands = Commands(status)
    with trio.move_on_after(100):
        await BundleKeeper(commands, lambda: modules(FEW + 1), writes=True).serve()
    (given,) = commands.given
    assert given.split() == [b"json", *(f"mrk.m{n}".encode() for n in range(FEW + 1))]


@pytest.mark.parametrize(("count", "writes"), [(FEW, True), (100, False)])
async def test_it_is_left_alone(count: int, writes: bool, autojump_clock: object) -> None:
    commands = Commands()
    with trio.move_on_after(100):
        await BundleKeeper(commands, lambda: modules(count), writes=writes).serve()
    assert commands.given == []

"""Modules that wait until something of them is used."""

import hashlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mrk.short_digests import md5, sha1, sha256
from nurseries.process.late_modules import load_late

ROOT = Path(__file__).parents[3]


@pytest.fixture
def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Has a module of that text wait; returns it as `import` gives it."""
    monkeypatch.syspath_prepend(tmp_path)

    def module(text: str):  # type: ignore[no-untyped-def]
        (tmp_path / "late_example.py").write_text(text)
        load_late(("late_example",))
        import late_example  # type: ignore[import-not-found]

        return late_example

    yield module
    sys.modules.pop("late_example", None)


def test_a_module_waits_for_its_first_use(late, capsys: pytest.CaptureFixture[str]) -> None:
    module = late("print('loaded')\nVALUE = 7\n")
    assert capsys.readouterr().out == ""
    assert (module.VALUE, module.VALUE) == (7, 7)
    assert capsys.readouterr().out == "loaded\n"
    assert sys.modules["late_example"] is module
    assert Path(module.__file__ or "").name == "late_example.py"
    with pytest.raises(AttributeError, match="late_example"):
        module.OTHER  # noqa: B018


def test_from_loads(late, capsys: pytest.CaptureFixture[str]) -> None:
    late("print('loaded')\nVALUE = 7\n")
    from late_example import VALUE

    assert (VALUE, capsys.readouterr().out) == (7, "loaded\n")


def test_a_module_that_cannot_be_loaded_says_so_each_time(late) -> None:  # type: ignore[no-untyped-def]
    module = late("raise ImportError('a library is missing')\n")
    for _ in range(2):
        with pytest.raises(ImportError, match="a library is missing"):
            module.VALUE  # noqa: B018


def test_a_module_that_asks_for_its_own_names_finds_what_it_has(late) -> None:  # type: ignore[no-untyped-def]
    module = late("import late_example as me\nFOUND = getattr(me, 'LATER', None)\nLATER = 1\n")
    assert (module.FOUND, module.LATER) == (None, 1)


def test_another_thread_gets_the_whole_module(late) -> None:  # type: ignore[no-untyped-def]
    module = late(
        "import threading\nbegun, go_on = threading.begun, threading.go_on\n"
        "begun.set()\ngo_on.wait(30)\nVALUE = 7\n"
    )
    threading.begun, threading.go_on = threading.Event(), threading.Event()  # type: ignore[attr-defined]
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(module.VALUE)) for _ in range(2)]
    try:
        threads[0].start()
        assert threading.begun.wait(30)  # type: ignore[attr-defined]
        threads[1].start()
        threading.go_on.set()  # type: ignore[attr-defined]
        for thread in threads:
            thread.join(30)
    finally:
        del threading.begun, threading.go_on  # type: ignore[attr-defined]
    assert found == [7, 7]


def test_modules_that_are_there_stay() -> None:
    load_late(("hashlib", "no_such_module_at_all"))
    assert sys.modules["hashlib"] is hashlib
    assert "no_such_module_at_all" not in sys.modules


def printed(program: str) -> list[str]:
    """The lines that a Python of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_trio_does_not_load_openssl_and_others() -> None:
    program = (
        "import mrk.__main__, trio, shutil, sys\n"
        "print(*({'_ssl', '_hashlib', 'idna.core', '_bz2', '_lzma'} & set(sys.modules)))\n"
        "import idna.core, ssl, secrets, hashlib, idna, lzma\n"
        "assert idna.encode('b\\u00fccher.example') == b'xn--bcher-kva.example'\n"
        "assert lzma.decompress(lzma.compress(b'text')) == b'text'\n"
        "print(ssl.create_default_context().verify_mode.name, len(secrets.token_hex(8)),\n"
        "      hashlib.new('sha256').name, issubclass(ssl.SSLError, OSError))\n"
    )
    assert printed(program) == ["", "CERT_REQUIRED 16 sha256 True"]


def test_a_start_loads_only_what_it_uses_of_python() -> None:
    """What `platform` is asked by others is answered as it would answer itself."""
    program = (
        "import mrk.__main__, sys\n"
        "mrk.__main__._import_msgspec_alone()\n"
        "import nurseries.root.daemon, platform, json, shlex\n"
        "late = {'platform', 'json', 'shlex', 'tempfile', 'pkgutil'}\n"
        "print(*sorted(n for n in late if hasattr(sys.modules.get(n), '__builtins__')))\n"
        "early = platform.system(), platform.python_implementation()\n"
        "assert early[1] == 'CPython' and platform.python_version()\n"
        "assert early == (platform.system(), platform.python_implementation())\n"
        "print(json.loads('[1]'), shlex.split('a \"b c\"'))\n"
    )
    assert printed(program) == ["", "[1] ['a', 'b c']"]


def test_libraries_are_found_as_python_finds_them() -> None:
    program = (
        "import mrk.__main__, sys, trio, inotify_simple, ctypes.util\n"
        "early = [ctypes.util.find_library(name) for name in ('c', 'pthread')]\n"
        "inotify_simple.INotify().close()\n"
        "print(hasattr(ctypes.util, '__builtins__'))\n"
        "assert inotify_simple.find_library('no_such_library') is None\n"
        "assert hasattr(ctypes.util, '__builtins__')\n"
        "assert ctypes.util.find_library is not inotify_simple.find_library\n"
        "assert early == [ctypes.util.find_library(name) for name in ('c', 'pthread')]\n"
        "assert early == [inotify_simple.find_library(name) for name in ('c', 'pthread')]\n"
    )
    assert printed(program) == ["False"]


def test_a_printer_with_services_does_not_load_openssl() -> None:
    """Templates, a broker without TLS, accounts whose tokens are compared."""
    program = (
        "import mrk.__main__, sys, hashlib, hmac\n"
        "import jinja2, transports.mqtt.subsystem\n"
        "import nurseries.access.logins, nurseries.spoolman.build\n"
        "from mrk.access.tokens import same_kid\n"
        "assert same_kid('a', 'a') and not same_kid('a', 'b')\n"
        "assert jinja2.Environment().from_string('{{ 6 * 7 }}').render() == '42'\n"
        "print(*({'_ssl', '_hashlib'} & set(sys.modules)))\n"
        "early = hashlib.sha1(b'abc').digest(), hashlib.md5(b'abc').digest()\n"
        "hashlib.new('sha1'), hmac.new(b'key', b'', 'sha256')\n"
        "assert early == (hashlib.sha1(b'abc').digest(), hashlib.md5(b'abc').digest())\n"
        "print(*sorted({'_ssl', '_hashlib'} & set(sys.modules)))\n"
    )
    assert printed(program) == ["", "_hashlib"]


def test_short_digests_are_those_of_hashlib() -> None:
    assert sha1(b"abc").digest() == hashlib.sha1(b"abc").digest()
    assert md5(b"abc").digest() == hashlib.md5(b"abc").digest()
    assert sha256(b"abc").hexdigest() == hashlib.sha256(b"abc").hexdigest()


def test_a_package_is_loaded_before_a_module_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "late_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("from late_package.inner import VALUE\n")
    (folder / "inner.py").write_text("import late_package\nVALUE = 7\n")
    load_late(("late_package",))
    try:
        import late_package.inner  # type: ignore[import-not-found]

        assert (late_package.VALUE, late_package.inner.VALUE) == (7, 7)
    finally:
        for name in ("late_package", "late_package.inner"):
            sys.modules.pop(name, None)

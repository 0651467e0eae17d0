"""Modules that are loaded when something of them is first used.

Trio imports them at once, and with them OpenSSL: 5 MB, which a daemon without TLS, passwords and
uploads never calls; the others are 1 MB and 4 ms of a start. `load_late` is called before anything
imports them.
"""

import contextlib
import ctypes
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_NAMES = (
    *("ssl", "hashlib", "hmac", "secrets", "idna", "locale", "tokenize", "bz2", "lzma"),
    *("platform", "json", "shlex", "tempfile", "ctypes.util"),
)


def _python_implementation() -> str:
    """As `platform` says it, which looks for it in `sys.version` with regular expressions."""
    return {"cpython": "CPython", "pypy": "PyPy"}.get(name := sys.implementation.name, name)


def _system() -> str:
    """As `platform` says it: the kernel's name."""
    return os.uname().sysname


def _find_library(name: str) -> str | None:
    """As `ctypes.util` does, which runs ldconfig, 4 ms, to learn what these are called in Linux."""
    file = {"c": "libc.so.6", "pthread": "libpthread.so.0"}.get(name)
    if file is not None:
        with contextlib.suppress(OSError):  # another C library
            ctypes.CDLL(file)
            return file
    module = sys.modules["ctypes.util"]
    _load_now(module)
    found: str | None = module.find_library(name)
    return found


# Given at once, from what Python itself brings: Jinja, Quart and Werkzeug take digests when they
# are imported, and tokens are compared without one; uuid and attrs ask `platform`,
# Trio and inotify_simple for libraries.
_GIVEN: dict[str, dict[str, str | Callable[..., str | None]]] = {
    "hashlib": {"sha1": "_sha1.sha1", "md5": "_md5.md5"},
    "hmac": {"compare_digest": "_operator._compare_digest"},
    "ctypes.util": {"find_library": _find_library},
    "platform": {"python_implementation": _python_implementation, "system": _system},
}
# Whoever asks from another thread meanwhile waits for the whole module.
_loading = threading.RLock()


class _LateModule(ModuleType):
    """Stands for a module until something of it is asked, and becomes it then.

    `importlib.util.LazyLoader` would load with the second `import` of a module.
    """

    def __getattr__(self, name: str) -> Any:
        # `import` itself asks for names with underscores; for a package's path it asks when a
        # module of it is imported, which needs the package itself before.
        loads = not name.startswith("__") or (name == "__path__" and _is_package(self.__spec__))
        if loads and _load_now(self):
            return getattr(self, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def _load(self, spec: ModuleSpec) -> None:
        assert spec.loader is not None
        self.__spec__ = None  # from here on what its own code misses is missing
        if spec.submodule_search_locations is not None:
            self.__path__ = spec.submodule_search_locations
        try:
            spec.loader.exec_module(self)
        except BaseException:
            self.__dict__.pop("__path__", None)
            raise
        finally:
            self.__spec__ = spec
        self.__class__ = ModuleType  # type: ignore[assignment]


def _load_now(module: ModuleType) -> bool:
    """Whether it is there now; not while its own code is executed."""
    with _loading:
        if type(module) is not _LateModule:
            return True
        if module.__spec__ is None:
            return False
        module._load(module.__spec__)
        return True


def load_late(names: tuple[str, ...] = _NAMES) -> None:
    """Have modules wait until they are used, those that were not imported yet."""
    for name in names:
        spec = None if name in sys.modules else importlib.util.find_spec(name)
        if spec is not None:
            sys.modules[name] = _late(spec)
            package, _, inner = name.rpartition(".")
            if package:
                setattr(sys.modules[package], inner, sys.modules[name])


def _late(spec: ModuleSpec) -> ModuleType:
    module = importlib.util.module_from_spec(spec)
    module.__class__ = _LateModule
    module.__dict__.pop("__path__", None)
    for name, source in _GIVEN.get(spec.name, {}).items():
        with contextlib.suppress(ImportError):
            setattr(module, name, source if callable(source) else _found(source))
    return module


def _found(source: str) -> Any:
    """What another module has under that name."""
    module, _, name = source.partition(".")
    return getattr(importlib.import_module(module), name)


def _is_package(spec: ModuleSpec | None) -> bool:
    return spec is not None and spec.submodule_search_locations is not None

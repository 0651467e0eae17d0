"""Modules that are loaded when something of them is first used.

Trio imports them at once, and with them OpenSSL: 5 MB, which a daemon without TLS, passwords and
uploads never calls; the others are 1 MB and 4 ms of a start. `load_late` is called before anything
imports them.
"""

import contextlib
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
    *("platform", "json", "shlex", "tempfile"),
)


def _python_implementation() -> str:
    """As `platform` says it, which looks for it in `sys.version` with regular expressions."""
    return {"cpython": "CPython", "pypy": "PyPy"}.get(name := sys.implementation.name, name)


def _system() -> str:
    """As `platform` says it: the kernel's name."""
    return os.uname().sysname


# Given at once, from what Python itself brings: Jinja, Quart and Werkzeug take digests when they
# are imported, and tokens are compared without one; uuid and attrs ask `platform`.
_GIVEN: dict[str, dict[str, str | Callable[[], str]]] = {
    "hashlib": {"sha1": "_sha1.sha1", "md5": "_md5.md5"},
    "hmac": {"compare_digest": "_operator._compare_digest"},
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
        if not name.startswith("__") or (name == "__path__" and _is_package(self.__spec__)):
            with _loading:
                if type(self) is not _LateModule:
                    return getattr(self, name)
                if self.__spec__ is not None:
                    self._load(self.__spec__)
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


def load_late(names: tuple[str, ...] = _NAMES) -> None:
    """Have modules wait until they are used, those that were not imported yet."""
    for name in names:
        spec = None if name in sys.modules else importlib.util.find_spec(name)
        if spec is not None:
            sys.modules[name] = _late(spec)


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

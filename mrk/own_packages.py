"""mrk's packages beside this one, when another distribution has brought one of the same name.

`config` is a common name: in an environment that mrk shares, or with a folder of that name first
on the path, Python would import somebody else's. Called before anything of ours is imported.
"""

import importlib.util
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

_BESIDE = Path(__file__).resolve().parents[1]
_NAMES = ("config", "nurseries", "transports")
# A file of each that no other distribution has: whether the folder is still ours.
_OURS = {
    "config": "daemon_options.py",
    "nurseries": "supervise.py",
    "transports": "listeners/listeners.py",
}


def use_own_packages() -> None:
    """Import each of them from beside `mrk`; ends the process where it is not there."""
    for name in _NAMES:
        found = importlib.util.find_spec(name)
        if found is None or not _is_beside(found):
            _import_own(name)
        if not (_BESIDE / name / _OURS[name]).is_file():
            sys.exit(_replaced(name))


def _is_beside(spec: ModuleSpec) -> bool:
    return spec.origin is not None and Path(spec.origin).resolve().parents[1] == _BESIDE


def _import_own(name: str) -> None:
    spec = PathFinder.find_spec(name, [str(_BESIDE)])
    if spec is None or spec.loader is None:
        sys.exit(_replaced(name))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def _replaced(name: str) -> str:
    return (
        f"mrk: its package '{name}' is missing beside {_BESIDE / 'mrk'}: another distribution has"
        " replaced or removed it. Install mrk into an environment of its own, such as ~/mrk-env,"
        " as its README says"
    )

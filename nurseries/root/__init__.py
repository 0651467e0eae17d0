"""The assembly: the only room that knows everybody.

`daemon.py` keeps the process alive over generations, `generation.py` builds and nests one of
them, `demo.py` puts a virtual printer under it.
"""

from nurseries.root.daemon import build_table, run
from nurseries.root.demo import run_demo

__all__ = ["build_table", "run", "run_demo"]

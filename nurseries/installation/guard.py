"""The guard of a take-over: puts back what is unfinished once the process at it is gone.

Run by root as `python -m nurseries.installation.guard USER DATA ROOT` for the time of an attempt.
"""

import signal
import sys
from pathlib import Path

from nurseries.installation.take_over import Attempts
from nurseries.installation.target_system import TargetSystem


def main() -> None:
    """Wait for the lock; whoever finished has left nothing to do."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    user, data, root = sys.argv[1:]
    host = TargetSystem(Path(root), is_live=True)
    Attempts(host, host.user(user), Path(data), lambda _text: None).recover_when_free()


if __name__ == "__main__":
    main()

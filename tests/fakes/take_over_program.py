"""A take-over, or a switch back, of the host in a folder, as a program that can be interrupted.

`python -m tests.fakes.take_over_program there|back ROOT DATA alias|keep-name`.
"""

import sys
from pathlib import Path

from mrk.errors import MrkError
from nurseries.installation.install import Installation, InstallOptions, own_program
from nurseries.installation.take_over import Attempts
from nurseries.installation.target_system import TargetSystem

PATIENCE_S = 15.0


def main() -> None:
    direction, root, data, mode = sys.argv[1:]
    host = TargetSystem(Path(root), is_live=True)
    try:
        if direction == "there":
            wanted = InstallOptions(
                program=own_program(),
                data=Path(data),
                user="pi",
                take_over=True,
                keep_name=mode == "keep-name",
            )
            Installation(host, wanted, PATIENCE_S).install(print)
        else:
            Attempts(host, host.user("pi"), Path(data), print, PATIENCE_S).switch_back()
    except MrkError as exc:
        sys.exit(str(exc))


if __name__ == "__main__":
    main()

"""Makes the first release current and writes the launcher; called by the archive's `install`."""

import sys
from pathlib import Path

from nurseries.installation.releases import Releases


def main() -> None:
    """`python -m nurseries.installation.first_release BASE VERSION`."""
    base, version = sys.argv[1:]
    releases = Releases(Path(base))
    releases.write_launcher()
    if not releases.current():
        releases.switch(version)


if __name__ == "__main__":
    main()

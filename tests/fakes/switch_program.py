"""A switch to another release as a program that can be interrupted: `BASE VERSION`."""

import sys
from pathlib import Path

from nurseries.installation.releases import Releases


def main() -> None:
    Releases(Path(sys.argv[1])).switch(sys.argv[2])


if __name__ == "__main__":
    main()

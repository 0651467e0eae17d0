"""`make release KEY=FILE URL=ADDRESS`: what this machine's kind can install.

`make release-key KEY=FILE` makes a key. The private one never comes near the repository; the
public one goes into the package, so that an installed release believes its own maker alone.
"""

import argparse
import sys
from pathlib import Path

from releasing.build import ROOT, build_release
from releasing.keys import make_key


def main() -> None:
    """Read the arguments and do it."""
    parser = argparse.ArgumentParser(prog="python -m releasing")
    parser.add_argument("what", choices=("key", "release"))
    parser.add_argument("key", type=Path)
    parser.add_argument("--url", default="", help="where release.json will be found")
    parser.add_argument("--channel", choices=("stable", "beta"), default="stable")
    parser.add_argument("--notes", default="")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    if options.what == "key":
        make_key(options.key)
        print(f"{options.key}: keep it, and keep it secret")
    elif not options.url:
        sys.exit("make release URL=...: where will release.json be found?")
    else:
        made = build_release(options.key, options.url, options.out, options.channel, options.notes)
        print("\n".join(map(str, made)))


if __name__ == "__main__":
    main()

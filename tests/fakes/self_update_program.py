"""A self-update as a program that can be interrupted: `BASE DATA FOLDER`, key in FOLDER.

With `FREE_SPACE_IS_NOT_ASKED` in the environment it learns of a full disk by writing only.
"""

import os
import sys
from pathlib import Path

from config.paths import Paths
from nurseries.installation import self_update
from nurseries.installation.release_source import ReleaseSource
from nurseries.installation.releases import Releases
from nurseries.installation.self_update import SelfUpdate
from releasing.keys import public_text, read_key


def main() -> None:
    base, data, folder = map(Path, sys.argv[1:])
    if "FREE_SPACE_IS_NOT_ASKED" in os.environ:
        self_update._MARGIN_BYTES = -(1 << 60)
    paths = Paths.resolve(environ={}, data_path=data)
    source = ReleaseSource(str(folder), public_text(read_key(folder / "key.pem")))
    update = SelfUpdate(Releases(base), paths, "", print)
    release = source.look()
    update.install(source, release)
    update.switch(release.version)


if __name__ == "__main__":
    main()

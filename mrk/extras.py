"""How a library that only some parts need is added to the environment that mrk runs in."""

import shlex
import sys


def install_advice(extra: str) -> str:
    """The command for a shell: Debian's own pip would refuse, or install elsewhere."""
    return f'{shlex.quote(f"{sys.prefix}/bin/pip")} install "mrk[{extra}]"'

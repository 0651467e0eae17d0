"""The launcher outside the releases: starts the current one, and turns back from one that fails.

A shell script, because it starts in a millisecond and needs no Python that an update may break. It
is written once and never updated with a release. What it does to turn back needs no space on the
disk: names are removed and renamed, nothing is written.

    current   -> releases/<version>   what is started
    previous  -> releases/<version>   for `mrk rollback`
    pending   a file while the current release has not proved itself; its time is that of the first
              start
    back      -> releases/<version>   what replaces `current` then
    starts/1 and starts/2             one is removed at each start
"""

# Seconds from the first start of a new release to its proof.
PROVE_S = 90


def launcher_text(prove_s: int = PROVE_S) -> str:
    """The script; `prove_s` are the seconds that a new release has."""
    return _LAUNCHER.replace("PROVE_S", str(prove_s))


_LAUNCHER = """\
#!/bin/sh
# Starts the current release of mrk. Written by mrk's installer; not changed by updates.
self=$(readlink -f "$0")
base=${self%/bin/*}
cd_free=$PWD
cd "$base" || exit 1

turn_back() {
    echo "mrk: $(readlink current) did not prove itself: back to $(readlink back)" >&2
    [ -L back ] && mv -fT back current
    rm -f pending
}

# Only a service's start counts, not that of a command.
if [ -n "$INVOCATION_ID" ] && [ -e pending ]; then
    if [ -e starts/1 ]; then
        rm -f starts/1
        touch pending
    elif [ -e starts/2 ]; then
        rm -f starts/2
    else
        turn_back
    fi
    if [ -e pending ]; then
        left=$(( $(stat -c %Y pending) + PROVE_S - $(date +%s) ))
        if [ "$left" -le 0 ] || [ "$left" -gt PROVE_S ]; then
            turn_back
        else
            # A release that runs but never proves itself is ended, and started as the old one.
            main=$$
            ( sleep "$left"; [ -e "$base/pending" ] && kill -9 "$main" ) >/dev/null 2>&1 &
        fi
    fi
fi
release=$(readlink current)
[ -x "$base/$release/bin/mrk" ] || release=$(readlink previous)
cd "$cd_free" 2>/dev/null || cd /
exec "$base/$release/bin/mrk" "$@"
"""

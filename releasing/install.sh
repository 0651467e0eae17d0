#!/bin/sh
# The first installation of mrk from its archive: a release folder of its own, then the service.
# Arguments are those of `mrk install-service`; updates come by `mrk self-update`.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
base=${MRK_BASE:-$HOME/.local/share/mrk}
wheel=$(basename "$here"/wheels/mrk-*.whl)
version=$(echo "$wheel" | cut -d- -f2)
folder=$base/releases/$version
if [ ! -e "$folder/.complete" ]; then
    rm -rf "$folder"
    mkdir -p "$base/releases"
    python3 -I -m venv "$folder"
    "$folder/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-index \
        --no-cache-dir --find-links "$here/wheels" --only-binary :all: --require-hashes \
        -r "$here/requirements.txt"
    # What lies on the disk only in part would be whole by its mark after a power cut.
    sync
    touch "$folder/.complete"
fi
"$folder/bin/python" -I -m nurseries.installation.first_release "$base" "$version"
exec "$base/bin/mrk" install-service "$@"

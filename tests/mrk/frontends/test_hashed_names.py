"""Which names are taken for hashes of their content: a wrong one would be old for a year."""

import pytest

from mrk.frontends.hashed_names import has_content_hash


@pytest.mark.parametrize(
    "path",
    [
        "assets/index-DgP5iUTo.js",
        "assets/ja-0r_-C_4b.js",
        "assets/roboto-latin-ext-300-normal-BeT-GAY-.woff2",
        "assets/index-Cz0lw0et.css.map",
        "js/app.3f5a9c1b.js",
        "js/chunk-vendors.0a1b2c3d4e5f6a7b8c9d.js",
    ],
)
def test_hashed(path: str) -> None:
    assert has_content_hash(path.split("/"))


@pytest.mark.parametrize(
    "path",
    [
        "index-DgP5iUTo.js",  # in the folder itself, where people put files
        "index.html",
        "img/icons/apple-touch-icon-180x180.png",
        "img/background-1920x1080.png",
        "img/photo-1080x720.png",
        "js/editor-controls.js",
        "js/editor-Controls.js",
        "img/backup-20240101.png",
        "js/app.12345678.js",
        "img/logo-annex.svg",
        "css/theme.deadbee.css",
        "css/.theme.css",
        "assets/-DgP5iUTo.js",
        "assets/index-DgP5iUTo",
        "assets/index-DgP5iUTo.",
        "assets/" + "a-" * 20_000,
    ],
)
def test_not_hashed(path: str) -> None:
    assert not has_content_hash(path.split("/"))

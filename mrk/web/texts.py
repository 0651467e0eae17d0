"""Every text of the page, in English, in one place.

Pure; looked at by the process that renders the page, which hands those of scripts on to them.
"""


def texts() -> dict[str, object]:
    """Texts by subject."""
    return {}

"""Which of the two formats a scraper wants, by its `Accept` header (RFC 9110, section 12.5.1).

Pure.
"""

from mrk.http.weights import weight

_OPENMETRICS = "application/openmetrics-text"
_VERSIONS = ("", "0.0.1", "1.0.0")


def wants_openmetrics(accept: str | None) -> bool:
    """Whether OpenMetrics is preferred; Prometheus' format for all who do not ask for it.

    Among equals OpenMetrics wins, as Prometheus itself lists it first.
    """
    openmetrics = text = 0.0
    for part in (accept or "").split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        given = dict(parameter.partition("=")[::2] for parameter in parameters)
        quality = weight(given.get("q", "1"))
        if media == _OPENMETRICS and given.get("version", "") in _VERSIONS:
            openmetrics = max(openmetrics, quality)
        elif media == "text/plain" and given.get("version", "0.0.4") == "0.0.4":
            text = max(text, quality)
    return openmetrics > 0 and openmetrics >= text

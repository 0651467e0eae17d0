"""Which compressed form of a file or a page a client takes (RFC 9110, section 12.5.3). Pure."""

from mrk.http.weights import weight

# What saves most, first; as files of front ends that are compressed already are named.
SUFFIXES = (("br", ".br"), ("gzip", ".gz"))
_MOST_CHARS = 500


def accepted(values: list[str]) -> tuple[tuple[str, str], ...]:
    """(coding, suffix) of those that `Accept-Encoding` allows, the best first."""
    text = ",".join(values)
    if not text or len(text) > _MOST_CHARS:
        return ()
    weights = dict(_coding(item) for item in text.lower().split(","))
    other = weights.get("*", 0.0)
    found = [(weights.get(coding, other), coding, suffix) for coding, suffix in SUFFIXES]
    # The sort is stable: of equal ones the smaller file comes first.
    found.sort(key=lambda one: -one[0])
    return tuple((coding, suffix) for weight, coding, suffix in found if weight > 0)


def _coding(item: str) -> tuple[str, float]:
    name, _, parameters = item.partition(";")
    name = name.strip()
    name = "gzip" if name == "x-gzip" else name
    if not parameters.strip():
        return name, 1.0
    key, _, value = parameters.partition("=")
    # A weight that is not understood: the plain file is always right.
    return name, weight(value.strip()) if key.strip() == "q" else 0.0

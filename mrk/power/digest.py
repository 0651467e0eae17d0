"""HTTP digest authentication (RFC 7616) with SHA-256 or MD5 and `qop=auth`. Pure.

`Digest` remembers a server's challenge, so that later requests need no second try; a nonce that ran
out is answered with a new challenge.
"""

import re

from mrk.short_digests import md5, sha256

_PAIR = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')
_HASHES = {"SHA-256": sha256, "MD5": md5}


class NoDigest(ValueError):
    """A challenge that cannot be answered; the text says why."""


class Digest:
    """For one server; `cnonce` makes a fresh text for each request."""

    def __init__(self, user: str, password: str, cnonce: str) -> None:
        self._user = user
        self._password = password
        self._cnonce = cnonce
        self._challenge: dict[str, str] = {}
        self._count = 0

    def challenged(self, header: str) -> None:
        """Take `WWW-Authenticate`; raises `NoDigest`."""
        scheme, _, rest = header.strip().partition(" ")
        if scheme.lower() != "digest":
            raise NoDigest(f"it asks for the log-in {scheme[:20]!r} (expected Digest)")
        found = {name.lower(): text or word for name, text, word in _PAIR.findall(rest)}
        algorithm = found.setdefault("algorithm", "MD5").upper()
        qops = [one.strip() for one in found.get("qop", "auth").split(",")]
        if algorithm not in _HASHES or "auth" not in qops or not found.get("nonce"):
            raise NoDigest(f"its log-in {algorithm[:20]} {qops[0][:20]} is not known")
        self._challenge = found
        self._count = 0

    def header(self, verb: str, target: str) -> dict[str, str]:
        """`Authorization` of the next request; empty before the first challenge."""
        if not self._challenge:
            return {}
        self._count += 1
        challenge, count = self._challenge, f"{self._count:08x}"
        realm, nonce = challenge.get("realm", ""), challenge["nonce"]
        make = _HASHES[challenge["algorithm"].upper()]

        def digest(text: str) -> str:
            return make(text.encode()).hexdigest()

        who = digest(f"{self._user}:{realm}:{self._password}")
        what = digest(f"{verb}:{target}")
        response = digest(f"{who}:{nonce}:{count}:{self._cnonce}:auth:{what}")
        fields = (
            f'username="{self._user}", realm="{realm}", nonce="{nonce}", uri="{target}",'
            f" algorithm={challenge['algorithm']}, qop=auth, nc={count},"
            f' cnonce="{self._cnonce}", response="{response}"'
        )
        if "opaque" in challenge:
            fields += f', opaque="{challenge["opaque"]}"'
        return {"Authorization": f"Digest {fields}"}

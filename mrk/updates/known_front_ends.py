"""Front ends that are known by their names, and where their releases are. Pure."""

import msgspec


class KnownFrontEnd(msgspec.Struct, frozen=True):
    """A repository at GitHub, and the file of a release to fetch."""

    owner: str
    repo: str
    asset: str

    @property
    def url(self) -> str:
        """The newest archive, for a person's browser."""
        return f"https://github.com/{self.owner}/{self.repo}/releases/latest/download/{self.asset}"


KNOWN_FRONT_ENDS = {
    "mainsail": KnownFrontEnd("mainsail-crew", "mainsail", "mainsail.zip"),
    "fluidd": KnownFrontEnd("fluidd-core", "fluidd", "fluidd.zip"),
}

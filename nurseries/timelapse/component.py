"""The component `timelapse`, as add-ons are: reads its section, and builds what it asks for."""

from collections.abc import Mapping

from config.section import Section
from mrk.subsystem import Additions, Needs
from nurseries.timelapse.section import LapseSection, read_section
from nurseries.timelapse.subsystem import Timelapse


def read(section: Section, named: Mapping[str, Section]) -> LapseSection:
    """`[timelapse]`."""
    return read_section(section)


def build(settings: LapseSection, needs: Needs, additions: Additions) -> None:
    """Raises OSError when a folder cannot be made, `MrkError` for one that is closed."""
    frame_path = settings.frame_path or needs.data_path / "timelapse_frames"
    for path in (settings.output_path, frame_path):
        path.mkdir(parents=True, exist_ok=True)
    needs.roots.add_root("timelapse", settings.output_path, writable=True)
    needs.roots.add_root("timelapse_frames", frame_path, writable=False)
    timelapse = Timelapse(settings, frame_path, needs)
    additions.add("timelapse", timelapse)
    additions.warnings.append(timelapse.warnings)

"""Writes libcamera's cameras as one line of JSON. A process of its own, run by the system's Python.

Imports nothing of ours: that Python may be older, and has no mrk. Source: libcamera's Python
bindings, `CameraManager`, `generate_configuration` and `StreamFormats`.
"""

import importlib
import json
from typing import Any, Dict, List, Optional  # noqa: UP035


def _modes(library: Any, camera: Any) -> List[Dict[str, Any]]:  # noqa: UP006
    """Formats of the sensor itself; a webcam has none, so those of its pictures."""
    for role in (library.StreamRole.Raw, library.StreamRole.Viewfinder):
        configuration = camera.generate_configuration([role])
        if configuration is None:
            continue
        formats = configuration.at(0).formats
        modes = [
            {
                "format": str(pixel_format),
                "resolutions": [
                    f"{size.width}x{size.height}" for size in formats.sizes(pixel_format)
                ],
            }
            for pixel_format in formats.pixel_formats
        ]
        if modes:
            return modes
    return []


def _model(camera: Any) -> Optional[str]:  # noqa: UP045
    for control, value in camera.properties.items():
        if control.name == "Model":
            return str(value)
    return None


def _main() -> None:
    library = importlib.import_module("libcamera")
    cameras = library.CameraManager.singleton().cameras
    print(
        json.dumps(
            [
                {"libcamera_id": c.id, "model": _model(c), "modes": _modes(library, c)}
                for c in cameras
            ]
        )
    )


if __name__ == "__main__":
    _main()

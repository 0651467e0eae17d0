import os
import subprocess
import sys
from pathlib import Path

import nurseries.machine
from mrk.machine.libcamera import parse_listing

LISTING = Path(nurseries.machine.__file__).with_name("libcamera_listing.py")
LIBRARY = """
class Named:
    def __init__(self, name, **more):
        self.name = name
        self.__dict__.update(more)

    def __str__(self):
        return self.name

class StreamRole:
    Raw, Viewfinder = "raw", "viewfinder"

class Formats:
    def __init__(self, formats):
        self.pixel_formats = [Named(name) for name in formats]

    def sizes(self, pixel_format):
        return [Named("", width=640, height=480), Named("", width=2592, height=1944)]

class Camera:
    def __init__(self, id, model, formats):
        self.id, self.formats = id, formats
        self.properties = {Named("Model"): model} if model else {}

    def generate_configuration(self, roles):
        (role,) = roles
        if role not in self.formats:
            return None
        stream = Named("", formats=Formats(self.formats[role]))
        return Named("", at=lambda index: stream)

class CameraManager:
    cameras = [
        Camera("/base/soc/i2c0mux/i2c@1/ov5647@36", "ov5647", {"raw": ["SGBRG10_CSI2P"]}),
        Camera("/base/soc/usb@7e980000", None, {"viewfinder": ["MJPEG", "YUYV"]}),
    ]

    @classmethod
    def singleton(cls):
        print("[0:00:01] INFO Camera camera_manager.cpp: libcamera v0.2")
        return cls
"""


def run(folder: Path) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, str(LISTING)], capture_output=True, env=environment, timeout=20
    )


def test_cameras_and_their_formats(tmp_path: Path) -> None:
    (tmp_path / "libcamera.py").write_text(LIBRARY)
    sensor, webcam = parse_listing(run(tmp_path).stdout)
    assert sensor.model == "ov5647"
    assert [(mode.format, mode.resolutions) for mode in sensor.modes] == [
        ("SGBRG10_CSI2P", ["640x480", "2592x1944"])
    ]
    assert webcam.model is None
    assert [mode.format for mode in webcam.modes] == ["MJPEG", "YUYV"]


def test_without_the_module_it_fails(tmp_path: Path) -> None:
    (tmp_path / "libcamera.py").write_text("raise ImportError('no such library')")
    assert run(tmp_path).returncode != 0

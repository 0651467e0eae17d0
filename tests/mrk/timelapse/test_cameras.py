from mrk.timelapse.cameras import camera_of, chosen, with_webcam
from mrk.timelapse.settings import LapseSettings
from mrk.webcams.webcam import Webcam

ONE = Webcam(name="one", stream_url="/webcam/?action=stream", enabled=False)
TWO = Webcam(
    name="two",
    stream_url="rtsp://camera/live",
    snapshot_url="/webcam2/?action=snapshot",
    rotation=90,
    flip_horizontal=True,
)


def test_the_named_one_else_the_first_enabled_else_the_first():
    assert chosen([ONE, TWO], "one") is ONE
    assert chosen([ONE, TWO], "gone") is TWO
    assert chosen([ONE], "") is ONE
    assert chosen([], "one") is None


def test_the_webcam_replaces_what_the_file_does_not_have():
    settings = with_webcam(LapseSettings(rotation=180), TWO, {"rotation"})
    assert (settings.rotation, settings.flip_x, settings.flip_y) == (180, True, False)
    camera = camera_of(settings, TWO)
    assert camera.snapshot_url == "http://127.0.0.1/webcam2/?action=snapshot"


def test_a_webcam_without_snapshots_gives_its_stream():
    camera = camera_of(with_webcam(LapseSettings(), ONE, ()), ONE)
    assert camera.snapshot_url == ""
    assert camera.stream_url == "http://127.0.0.1/webcam/?action=stream"


def test_without_webcams_the_setting_counts():
    camera = camera_of(LapseSettings(), None)
    assert camera.snapshot_url == "http://localhost:8080/?action=snapshot"


def test_a_path_that_mrk_passes_on_is_fetched_from_the_camera():
    def address(url: str) -> str:
        return url.replace("/webcam/", "http://10.0.0.7:8080/")

    camera = camera_of(with_webcam(LapseSettings(), ONE, ()), ONE, address)
    assert camera.stream_url == "http://10.0.0.7:8080/?action=stream"
    settings = LapseSettings(snapshoturl="/webcam/?action=snapshot")
    assert (
        camera_of(settings, None, address).snapshot_url == "http://10.0.0.7:8080/?action=snapshot"
    )

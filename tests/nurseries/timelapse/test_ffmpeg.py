"""Where ffmpeg is: looked for on the disk in a thread, and known in memory in between."""

import pytest

from nurseries.timelapse.ffmpeg import Ffmpeg, FfmpegMissing
from tests.fakes.ffmpeg import FakeFfmpeg


async def test_what_is_known_follows_what_was_found(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    program = Ffmpeg(tmp_path / "bin" / "ffmpeg")
    assert program.trouble == ""  # nobody has looked
    assert "there is no ffmpeg" in await program.look()
    with pytest.raises(FfmpegMissing):
        await program.run([], tmp_path)
    fake = FakeFfmpeg(tmp_path / "bin")
    assert fake is not None
    assert "there is no ffmpeg" in program.trouble
    assert await program.look() == program.trouble == ""

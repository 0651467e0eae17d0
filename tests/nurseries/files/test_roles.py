"""Configuration files are an administrator's; g-code is for whoever may print."""

import pytest

from mrk.definitions.roles import Role
from mrk.errors import ClientError
from tests.fakes.file_house import open_files


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("post_directory", {"path": "config/new"}),
        ("delete_directory", {"path": "config/new", "force": True}),
        ("move", {"source": "config/printer.cfg", "dest": "gcodes/x.cfg"}),
        ("move", {"source": "gcodes/a.gcode", "dest": "config/a.gcode"}),
        ("copy", {"source": "gcodes/a.gcode", "dest": "config/a.gcode"}),
        ("zip", {"items": ["gcodes/a.gcode"]}),
        ("delete_file", {"path": "config/printer.cfg"}),
    ],
)
async def test_operators_leave_the_configuration_alone(tmp_path, method, params):
    async with open_files(tmp_path / "printer_data") as house:
        (house.gcodes / "a.gcode").write_text("G28")
        house.role = Role.OPERATE
        with pytest.raises(ClientError, match="config needs the role admin") as refused:
            await house.call(f"server.files.{method}", **params)
        assert refused.value.status == 403


async def test_operators_change_gcodes_and_viewers_nothing(tmp_path):
    async with open_files(tmp_path / "printer_data") as house:
        house.role = Role.OPERATE
        await house.call("server.files.post_directory", path="gcodes/new")
        house.role = Role.VIEW
        await house.call("server.files.get_directory", path="gcodes")
        with pytest.raises(ClientError) as refused:
            await house.call("server.files.post_directory", path="gcodes/newer")
        assert refused.value.status == 403

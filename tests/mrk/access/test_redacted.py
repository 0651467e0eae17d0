"""Whoever logs a record with a secret in it, or fails while holding one, shows none."""

import msgspec
import pytest

from mrk.access.keys import ApiKey
from mrk.access.passwords import StoredPassword, Verdict
from mrk.access.tokens import Named
from mrk.access.users import AccountSnapshot
from mrk.definitions.roles import Role
from nurseries.access import messages
from nurseries.access.store import NewUser
from nurseries.server.connection_endpoints import IdentifyParams
from nurseries.services.sudo_endpoints import SudoPasswordParams

PLANTED = "planted password"


@pytest.mark.parametrize(
    "record",
    [
        ApiKey("slicer", PLANTED.encode(), Role.VIEW, 1.0),
        IdentifyParams("x", "1", "web", "http://x", PLANTED, PLANTED),
        Named("ann", PLANTED),
        NewUser("ann", PLANTED),
        SudoPasswordParams(PLANTED),
        AccountSnapshot({}, (), PLANTED, PLANTED.encode()),
        StoredPassword(PLANTED, PLANTED),
        Verdict(True, PLANTED),
        messages.LoggedIn("ann", PLANTED, PLANTED, "user_created", "moonraker"),
        messages.LoginParams("ann", PLANTED),
        messages.NewKey("slicer", "view", 1.0, PLANTED),
        messages.NewUserParams("ann", PLANTED),
        messages.PasswordParams(PLANTED, PLANTED),
        messages.RefreshParams(PLANTED),
        messages.Refreshed("ann", PLANTED, "moonraker"),
    ],
    ids=lambda record: type(record).__name__,
)
def test_a_record_does_not_show_its_secret(record: msgspec.Struct) -> None:
    for shown in (repr(record), str(record), f"{[record]}"):
        assert "planted" not in shown

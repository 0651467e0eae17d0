"""What the daemon keeps: the database, users, cameras, announcements."""

from typing import Any

from tests.compat.twin import Twin

PASSWORD = "as good as any"
DATABASE = "/server/database"
WEBCAMS = "/server/webcams"


def database(twin: Twin) -> None:
    """Namespaces and items of every kind of value, and copies."""
    values: dict[str, Any] = {"n": 1.5, "t": "text", "d": {"e": [1, None, True]}, "a.b.c": 5}
    item = f"{DATABASE}/item"
    for key, value in values.items():
        twin.ask("POST", item, key, json={"namespace": "twin", "key": key, "value": value})
        twin.ask("GET", item, key, params={"namespace": "twin", "key": key})
    twin.ask("GET", item, "all of it", params={"namespace": "twin"})
    twin.ask("GET", item, "no key", params={"namespace": "twin", "key": "none"})
    twin.ask("GET", item, "no namespace", params={"namespace": "none"})
    theirs = {"namespace": "moonraker", "key": "x", "value": 1}
    twin.ask("POST", item, "theirs", json=theirs)
    twin.ask("GET", f"{DATABASE}/list", "with ours")
    for key in ("d.e", "n", "n"):
        twin.ask("DELETE", item, key, params={"namespace": "twin", "key": key})
    twin.call("server.database.get_item", {"namespace": "twin", "key": "a"})
    twin.call("server.database.post_item", {"namespace": "twin"}, "without a key")
    twin.ask("POST", f"{DATABASE}/compact")
    twin.ask("POST", f"{DATABASE}/backup", json={"filename": "twin.db"})
    twin.ask("DELETE", f"{DATABASE}/backup", json={"filename": "twin.db"})
    twin.ask("DELETE", f"{DATABASE}/backup", "none", json={"filename": "twin.db"})


def users(twin: Twin) -> None:
    """An account from its making to its end."""
    words = {"username": "twin", "password": PASSWORD}
    twin.ask("POST", "/access/user", json=words)
    twin.ask("POST", "/access/user", "it is there", json=words)
    twin.ask("POST", "/access/user", "without a password", json={"username": "other"})
    twin.ask("POST", "/access/login", "wrong", json={**words, "password": "wrong"})
    login = twin.ask("POST", "/access/login", json=words)["result"]
    bearer = {"Authorization": f"Bearer {login['token']}"}
    twin.ask("GET", "/access/user", headers=bearer)
    twin.ask("GET", "/access/user", "not a token", headers={"Authorization": "Bearer x.y.z"})
    twin.ask("GET", "/access/users/list", headers=bearer)
    refresh = {"refresh_token": login["refresh_token"]}
    twin.ask("POST", "/access/refresh_jwt", json=refresh)
    twin.ask("POST", "/access/refresh_jwt", "not a token", json={"refresh_token": "x"})
    token = twin.ask("GET", "/access/oneshot_token", headers=bearer)["result"]
    twin.ask("GET", "/server/info", "one-shot token", params={"token": token})
    key = twin.ask("GET", "/access/api_key", headers=bearer)["result"]
    twin.ask("GET", "/server/info", "key", headers={"X-Api-Key": key})
    twin.ask("GET", "/server/info", "wrong key", headers={"X-Api-Key": "0123456789abcdef" * 2})
    change = {"password": PASSWORD, "new_password": "another one"}
    twin.ask("POST", "/access/user/password", headers=bearer, json=change)
    twin.ask("POST", "/access/user/password", "wrong", headers=bearer, json=change)
    twin.ask("DELETE", "/access/user", "oneself", headers=bearer, params={"username": "twin"})
    twin.ask("POST", "/access/logout", headers=bearer)
    twin.ask("DELETE", "/access/user", params={"username": "twin"})
    twin.ask("DELETE", "/access/user", "none", params={"username": "twin"})
    twin.call("access.info")


def webcams(twin: Twin) -> None:
    """A camera from its making to its end."""
    item = f"{WEBCAMS}/item"
    camera = {"name": "door", "stream_url": "/webcam/?action=stream", "service": "mjpegstreamer"}
    uid = twin.ask("POST", item, json=camera)["result"]["webcam"]["uid"]
    twin.ask("POST", item, "without a name", json={"stream_url": "/x"})
    twin.ask("GET", item, params={"uid": uid})
    twin.ask("GET", item, "none", params={"name": "none"})
    twin.ask("GET", f"{WEBCAMS}/list", "two")
    twin.ask("POST", f"{WEBCAMS}/test", json={"uid": uid})
    twin.ask("DELETE", item, params={"uid": uid})
    twin.ask("DELETE", item, "none", params={"uid": uid})


def announcements(twin: Twin) -> None:
    """Feeds, entries and the log."""
    base = "/server/announcements"
    twin.ask("POST", f"{base}/update", json={})
    twin.ask("POST", f"{base}/feed", json={"name": "twin"})
    twin.ask("DELETE", f"{base}/feed", json={"name": "twin"})
    twin.ask("POST", f"{base}/dismiss", "none", json={"entry_id": "none"})
    twin.ask("POST", "/server/logs/rollover", json={"application": "moonraker"})
    twin.ask("POST", "/server/logs/rollover", "unknown", json={"application": "none"})

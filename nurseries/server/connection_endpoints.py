"""Endpoints by which a connected client says who it is: identify, and the id of its connection.

No task of its own: it acts on the registry of clients that the transports fill. What a client
missed is sent behind the answer to identify, by its own connection.
"""

import msgspec
from msgspec import UNSET, UnsetType

from mrk.access.accounts import Accounts, TokenRefused
from mrk.access.keys import given_key
from mrk.access.reasons import Reason
from mrk.access.redacted import Redacted
from mrk.access.role_needed import role_needed
from mrk.api.caller import SOCKETS, Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get, post
from mrk.api.outcome import HeldBack
from mrk.clients.event_ring import Position
from mrk.clients.registry import AGENT, Client, Clients, Identity
from mrk.definitions.roles import Role
from mrk.errors import ClientError

# Told to every client when an agent comes, so it must be short.
IDENTITY_CHARS = 500
CLIENT_TYPES = ("web", "mobile", "desktop", "display", "bot", AGENT, "other")


class IdentifyParams(Redacted, frozen=True):
    """What a client tells of itself; token and key only authorize, and are kept nowhere.

    With `replay` its notifications are numbered (`seq`); `resume`, how far it has heard, asks for
    what it missed, and for `replay`, too.
    """

    client_name: str
    version: str
    type: str
    url: str
    access_token: str | None = None
    api_key: str | None = None
    replay: bool = False
    resume: Position | None = None


class Connected(msgspec.Struct, frozen=True):
    """Answer of `server.connection.identify`; with replay also where its notifications begin.

    Those with numbers above `seq` follow, the ones up to `newest` have happened before.
    `continuity` is `begun`, `complete`, `gap` or `epoch_changed`; `advice` says what to do about
    the latter two.
    """

    connection_id: int
    epoch: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    newest: int | UnsetType = UNSET
    continuity: str | UnsetType = UNSET
    advice: str | UnsetType | None = UNSET


class WebsocketId(msgspec.Struct, frozen=True):
    """Answer of `server.websocket.id`."""

    websocket_id: int


class Connections:
    """Identity of the clients that are connected now."""

    def __init__(self, clients: Clients, accounts: Accounts) -> None:
        self._clients = clients
        self._accounts = accounts

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask, on sockets only."""
        return [
            post(
                "/server/connection/identify",
                self.identify,
                "Tell the server which client this connection is, optionally authorizing it.",
                Access.OPEN,
                IdentifyParams,
                Connected,
                transports=SOCKETS,
                http=False,
            ),
            get(
                "/server/websocket/id",
                self.websocket_id,
                "The id of this connection (deprecated: identify returns it too).",
                Access.VIEW,
                result=WebsocketId,
                transports=SOCKETS,
                http=False,
            ),
        ]

    def identify(self, params: IdentifyParams, caller: Caller) -> Connected | HeldBack:
        """Name the connection: at once, or when what reads its token is loaded."""
        if params.access_token and not self._accounts.tokens_loaded:
            return HeldBack(lambda _release: self._identify_later(params, caller))
        return self._identify(params, caller)

    async def _identify_later(self, params: IdentifyParams, caller: Caller) -> Connected:
        await self._accounts.load_tokens()
        return self._identify(params, caller)

    def _identify(self, params: IdentifyParams, caller: Caller) -> Connected:
        """Name the connection; it works once, and again after a refusal.

        Raises 400 when the client is named already, its type is unknown, a text is too long or an
        agent of that name is connected, or no event is behind `resume`; 401 when it stays
        unauthorized, 403 for an agent that may only look. Bad credentials also end what the
        connection was trusted with.
        """
        client = self._client(caller)
        if client.identity is not None:
            raise ClientError("Connection already identified")
        kind = params.type.lower()
        if kind not in CLIENT_TYPES:
            raise ClientError(f"Unknown client type '{params.type[:40]}'")
        for name in ("client_name", "version", "url"):
            if len(getattr(params, name)) > IDENTITY_CHARS:
                raise ClientError(f"Argument '{name}' is longer than {IDENTITY_CHARS} characters")
        self._authorize(client, params)
        events = self._clients.events
        events.continuity(params.resume)
        if kind == AGENT and client.role < Role.OPERATE:
            raise role_needed(Role.OPERATE, client.role, "Being an agent")
        if kind == AGENT and any(self._is_agent(c, params.client_name) for c in self._clients):
            raise ClientError(f"Agent '{params.client_name}' is already connected")
        identity = Identity(params.client_name, params.version, kind, params.url)
        if not params.replay and params.resume is None:
            self._clients.identify(client, identity)
            return Connected(client.id)
        continuity, seq = events.after(params.resume)
        self._clients.identify(client, identity, heard=seq)
        return Connected(
            client.id, events.epoch, seq, events.newest, str(continuity), continuity.advice
        )

    def websocket_id(self, _params: NoParams, caller: Caller) -> WebsocketId:
        """The id of the caller's connection."""
        return WebsocketId(self._client(caller).id)

    def _authorize(self, client: Client, params: IdentifyParams) -> None:
        # An empty one counts as absent, as in a header: clients send what a form field held.
        if params.access_token:
            try:
                account = self._accounts.token_account(params.access_token)
            except TokenRefused:
                self._clients.distrust(client, Reason.BAD_TOKEN)
                raise Reason.BAD_TOKEN.denied_call(client.address) from None
            self._clients.authorize(client, account, Reason.TOKEN)
        elif params.api_key and (key := given_key(params.api_key)):
            self._authorize_by_key(client, key)
        if not client.authorized:
            raise client.reason.denied_call(client.address)

    def _authorize_by_key(self, client: Client, text: str) -> None:
        key = self._accounts.key_account(text)
        if key is None:
            self._clients.distrust(client, Reason.WRONG_KEY)
            raise Reason.WRONG_KEY.denied_call(client.address)
        # A socket that came with a user keeps it.
        if not client.authorized:
            self._clients.authorize(client, key, Reason.API_KEY)

    def _client(self, caller: Caller) -> Client:
        client = self._clients.get(caller.connection_id)
        if client is None:
            raise ClientError("No connection of that id")
        return client

    @staticmethod
    def _is_agent(client: Client, name: str) -> bool:
        identity = client.identity
        return identity is not None and identity.type == AGENT and identity.client_name == name

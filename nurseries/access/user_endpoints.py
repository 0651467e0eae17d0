"""access.* about all users: create, delete, list, roles. For admins, but for the list.

What one socket asks is done in its order (`account_turns.py`).
"""

from config.settings.authorization import AuthorizationSettings
from mrk.access.accounts import MOONRAKER
from mrk.access.user_names import checked_name, checked_source, is_reserved, role_of
from mrk.access.users import User
from mrk.api.caller import NOT_OVER_MQTT, Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, delete, get, post
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from nurseries.access import store
from nurseries.access.account_cache import AccountCache
from nurseries.access.account_turns import AccountTurns
from nurseries.access.hashing import PasswordHashing
from nurseries.access.messages import (
    Done,
    ListedUser,
    LoggedIn,
    NewUserParams,
    RoleParams,
    RoleSet,
    UserList,
    UserParams,
)
from nurseries.access.session_endpoints import logged_in


class UserEndpoints:
    """Keeps the users."""

    def __init__(
        self,
        settings: AuthorizationSettings,
        book: AccountCache,
        hasher: PasswordHashing,
        turns: AccountTurns,
    ) -> None:
        self._settings = settings
        self._book = book
        self._hasher = hasher
        self._turns = turns

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [
            post(
                "/access/user",
                self.post_user,
                "Create a local user and return tokens for it.",
                Access.ADMIN,
                NewUserParams,
                LoggedIn,
                transports=NOT_OVER_MQTT,
            ),
            delete(
                "/access/user",
                self.delete_user,
                "Delete a user.",
                Access.ADMIN,
                UserParams,
                Done,
                transports=NOT_OVER_MQTT,
            ),
            get(
                "/access/users/list",
                self.list_users,
                "List the user accounts.",
                Access.VIEW,
                result=UserList,
                transports=NOT_OVER_MQTT,
            ),
            post(
                "/access/user/role",
                self.set_role,
                "Set what a user may do: view, operate or admin.",
                Access.ADMIN,
                RoleParams,
                RoleSet,
                transports=NOT_OVER_MQTT,
            ),
        ]

    async def post_user(self, params: NewUserParams, caller: Caller) -> LoggedIn:
        """Create a user; the caller stays who it is."""
        if checked_source(params.source, self._settings.default_source) != MOONRAKER:
            raise ClientError(
                "Users of LDAP are created where LDAP is managed; "
                "pass source=moonraker for one of this host"
            )
        name, role = checked_name("username", params.username), role_of(params.role)
        async with self._turns.turn(caller, Role.ADMIN):
            return await logged_in(
                self._book, await self._created(name, params.password, role), "user_created"
            )

    async def _created(self, name: str, password: str, role: Role) -> User:
        if self._book.user(name) is not None:  # before a password is hashed for nothing
            raise ClientError(f"User '{name}' exists already")
        new = store.NewUser(name, await self._hasher.hash(password), role)
        # The answer has tokens, and what is told of the user must not come before it.
        await self._book.load_token_library()
        now_s = self._book.wall_clock()
        await self._book.change(lambda connection: store.add_user(connection, new, now_s))
        user = self._book.user(name)
        if user is None:
            raise ClientError(f"User '{name}' was deleted again in the same moment")
        return user

    async def delete_user(self, params: UserParams, caller: Caller) -> Done:
        """Delete a user, with all tokens, and shut its websockets out."""
        name = params.username
        if is_reserved(name):
            raise ClientError(f"User '{name[:64]}' is reserved and cannot be deleted")
        async with self._turns.turn(caller, Role.ADMIN) as now:
            if name == now.user:
                raise ClientError("Nobody can delete the user they are logged in as")
            await self._book.change(lambda connection: store.remove_user(connection, name))
        return Done(name, "user_deleted")

    async def list_users(self, _params: NoParams, caller: Caller) -> UserList:
        """All users, and what they may do."""
        async with self._turns.turn(caller, Role.VIEW):
            accounts = (user.account for user in self._book.snapshot.users.values())
            return UserList(
                [ListedUser(a.username, a.source, a.created_on, a.role.word) for a in accounts]
            )

    async def set_role(self, params: RoleParams, caller: Caller) -> RoleSet:
        """Set a role; it takes effect at once, on open sockets too."""
        name, role = params.username, role_of(params.role)
        async with self._turns.turn(caller, Role.ADMIN):
            await self._book.change(lambda connection: store.set_role(connection, name, role))
        return RoleSet(name, role.word)

"""Which requests are uploads and downloads, and who may make them.

The door asks `begin` for what the API's table does not know; `verbs` tells the API which paths
are ours. One instance per generation.
"""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from mrk.access.decision import Decision
from mrk.access.request_authorizer import RequestAuthorizer
from mrk.definitions.limits import Limits
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.files.transfers import DownloadFiles, UploadFiles, UploadPrints
from mrk.http.cors import CorsRules
from mrk.http.exchange import Exchange, Transfer
from mrk.http.head import READING, RequestHead
from mrk.http.response import Headers, error_response
from transports.transfers.downloads import DownloadHandler, Logs
from transports.transfers.receiving import ReadBack
from transports.transfers.uploads import UploadHandler

if TYPE_CHECKING:  # only documents need it
    from mrk.api.door_route import DoorRoute

FILES = "/server/files/"
UPLOAD_PATHS = {"/server/files/upload": "/server/files"}
_OPEN_SUFFIXES = (".png", ".jpg")


class Transfers:
    """Uploads and downloads; `uploads` and `downloads` are the file manager.

    `upload_paths` maps paths that take uploads to the path that `Location` begins with;
    `logs` are served outside of any root. Paths are without `route_prefix`. `read_back`: as of
    `UploadHandler`.
    """

    def __init__(
        self,
        uploads: UploadFiles,
        downloads: DownloadFiles,
        prints: UploadPrints,
        authorizer: RequestAuthorizer,
        cors: CorsRules,
        limits: Limits,
        *,
        max_upload_bytes: int,
        logs: Logs,
        upload_paths: Mapping[str, str] = UPLOAD_PATHS,
        route_prefix: str = "",
        read_back: ReadBack | None = None,
    ) -> None:
        self._uploads = UploadHandler(
            uploads,
            prints,
            max_file_bytes=max_upload_bytes,
            wait_s=limits.body_idle_s,
            read_back=read_back,
        )
        self._downloads = DownloadHandler(downloads, logs)
        self._logs = logs
        self._authorizer = authorizer
        self._cors = cors
        self._upload_paths = upload_paths
        self._prefix = route_prefix

    def verbs(self, path: str) -> tuple[str, ...]:
        """What is answered at a path behind the route prefix; empty for paths of others."""
        if path in self._upload_paths:
            return ("POST",)
        # Any name may be a file's: what there is not is 404, and a folder 403.
        return READING if path.startswith(FILES) and path != FILES else ()

    def begin(self, head: RequestHead) -> Transfer | None:
        """Who serves the request, None when it is neither upload nor download."""
        path = self._path(head)
        if head.method not in self.verbs(path):
            return None
        return partial(self._serve, path)

    def declared(self) -> "list[DoorRoute]":
        """`StreamedPaths.declared`."""
        from transports.transfers import declarations

        return [
            *declarations.uploads(self._upload_paths),
            *declarations.downloads(FILES, self._logs),
        ]

    def _path(self, head: RequestHead) -> str:
        path = head.exact_path
        return path.removeprefix(self._prefix) if path.startswith(self._prefix) else ""

    async def _serve(self, path: str, exchange: Exchange) -> None:
        """Answer, with an error where there has to be one; the client may leave at any time."""
        head = exchange.head
        cors = self._cors.headers(head.header("origin"))
        try:
            decision = self._authorizer.admit(head, self._needed(head, path))
            await self._run(path, exchange, decision, cors)
        except ClientError as exc:
            await exchange.answer(error_response(exc).with_headers(cors))

    def _needed(self, head: RequestHead, path: str) -> Role | None:
        if path in self._upload_paths:
            return Role.OPERATE
        # Browsers load thumbnails by plain addresses, without credentials.
        return None if path.endswith(_OPEN_SUFFIXES) else Role.VIEW

    async def _run(self, path: str, exchange: Exchange, decision: Decision, cors: Headers) -> None:
        if path in self._upload_paths:
            location = self._prefix + self._upload_paths[path]
            await self._uploads.receive(exchange, location, decision, cors)
            return
        root, slash, rest = path[len(FILES) :].partition("/")
        if slash:
            await self._downloads.send_file(exchange, root, rest, cors)
        else:
            await self._downloads.send_log(exchange, root, cors)

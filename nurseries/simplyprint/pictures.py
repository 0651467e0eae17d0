"""Pictures of the webcam for the cloud: over the websocket, or to an address of the cloud's.

Owns no task; one picture is on its way at a time.
"""

import base64
import logging
from urllib.parse import quote

import trio

from mrk.errors import ClientError
from mrk.http.client import FetchFailed, HttpRequests
from mrk.simplyprint.demands import SendPicture
from mrk.webcams.snapshots import NoSnapshot, Snapshots
from nurseries.simplyprint.cloud import Cloud

logger = logging.getLogger(__name__)
PICTURE_S = 10.0
POST_S = 30.0
ANSWER_BYTES = 64 * 1024


class Pictures:
    """`webcam_name` may be empty: the first one that has pictures."""

    def __init__(
        self, cloud: Cloud, snapshots: Snapshots, http: HttpRequests, webcam_name: str
    ) -> None:
        self._cloud = cloud
        self._snapshots = snapshots
        self._http = http
        self._webcam_name = webcam_name
        self._busy = False

    async def is_there(self) -> bool:
        """Whether the webcam gives a picture."""
        try:
            await self._picture()
        except ClientError:
            return False
        return True

    async def send(self, demand: SendPicture) -> None:
        """Raises `ClientError`."""
        if not self._cloud.is_set_up:
            raise ClientError("the printer belongs to no account there yet")
        if self._busy:
            raise ClientError("another picture is on its way")
        self._busy = True
        try:
            await trio.sleep(demand.after_s)
            body = await self._picture()
            text = await trio.to_thread.run_sync(base64.b64encode, body)
            if demand.endpoint is None:
                self._cloud.send("stream", {"base": text.decode()})
            else:
                await self._post(demand.endpoint, demand.id or "", text)
        finally:
            self._busy = False

    async def _picture(self) -> bytes:
        try:
            with trio.fail_after(PICTURE_S):
                return (await self._snapshots.snapshot(self._webcam_name)).body
        except NoSnapshot as exc:
            raise ClientError(str(exc)) from exc
        except trio.TooSlowError as exc:
            raise ClientError(f"no picture within {PICTURE_S:g} s") from exc

    async def _post(self, endpoint: str, picture_id: str, text: bytes) -> None:
        body = await trio.to_thread.run_sync(_form, picture_id, text)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            with trio.fail_after(POST_S):
                answer = await self._http.request(
                    "POST", endpoint, most_bytes=ANSWER_BYTES, body=body, headers=headers
                )
        except FetchFailed as exc:
            raise ClientError(str(exc)) from exc
        except trio.TooSlowError as exc:
            raise ClientError(f"no answer within {POST_S:g} s") from exc
        if answer.status >= 300:
            raise ClientError(f"HTTP {answer.status}")


def _form(picture_id: str, text: bytes) -> bytes:
    """The fields `id` and `data`; of base64 three characters have to be escaped."""
    for char in (b"+", b"/", b"="):
        text = text.replace(char, b"%%%02X" % ord(char))
    return b"id=" + quote(picture_id, safe="").encode() + b"&data=" + text

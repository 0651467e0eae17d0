"""Pictures of the webcam for the cloud: over the websocket, or to an address of the cloud's.

Owns no task; one picture is on its way at a time.
"""

import base64
import logging

import msgspec
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
        self._last_s = -1e9

    async def is_there(self) -> bool:
        """Whether the webcam gives a picture."""
        try:
            await self._picture()
        except ClientError:
            return False
        return True

    async def send(self, demand: SendPicture) -> None:
        """Raises `ClientError`."""
        if self._busy:
            raise ClientError("another picture is on its way")
        self._busy = True
        try:
            await trio.sleep_until(self._last_s + demand.after_s)
            body = await self._picture()
            text = await trio.to_thread.run_sync(lambda: base64.b64encode(body).decode())
            self._last_s = trio.current_time()
            if demand.endpoint is None:
                self._cloud.send("stream", {"base": text})
            else:
                await self._post(demand.endpoint, demand.id, text)
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

    async def _post(self, endpoint: str, picture_id: str | None, text: str) -> None:
        body = msgspec.json.encode({"id": picture_id, "image": f"data:image/jpeg;base64,{text}"})
        headers = {"Content-Type": "application/json"}
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

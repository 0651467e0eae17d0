"""One power device: the task that asks and switches it, one request after the other.

`serve` runs until cancelled, supervised for itself: a device that is away at the start raises
`Transient` and is tried again. The state outlives that. What follows from a change is done by tasks
of its own (`follow_ups.py`), so that no request waits for a service to start.
"""

import logging
import math
from collections.abc import Callable

import msgspec
import trio

from mrk.errors import ClientError, Transient
from mrk.log.throttle import LogThrottle
from mrk.power.driver import PowerDriver
from mrk.power.request_queue import Request, RequestQueue
from mrk.power.state_machine import PowerChange, PowerMachine, PowerRules
from mrk.power.states import DriverFailed, PowerState, Wish
from nurseries.power.follow_ups import FollowUps
from nurseries.power.print_lock import PrintLock

logger = logging.getLogger(__name__)
# Of a request's limit, what the driver may take: its caller should hear why.
DRIVER_SHARE = 0.95
# What is left of a limit behind a delay that the owner configured.
BEHIND_DELAY_S = 1.0
# How long `initial_state` waits for Klipper to say whether it prints.
KLIPPER_KNOWN_S = 5.0
# How long a locked device waits for a Klipper that printed when its socket broke.
KLIPPER_BACK_S = 2.0


class DeviceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is configured of a device besides its driver."""

    name: str
    type: str
    rules: PowerRules
    poll_interval_s: float | None = None
    timeout_s: float = 5.0
    off_when_shutdown: bool = False
    off_when_shutdown_delay_s: float = 0.0
    on_when_job_queued: bool = False


class _Answer:
    """What the callers of one request wait for."""

    def __init__(self) -> None:
        self.done = trio.Event()
        self.error: ClientError | None = None
        self.state = PowerState.INIT

    def finish(self, state: PowerState, error: ClientError | None = None) -> None:
        self.state = state
        self.error = error
        self.done.set()


class PowerDevice:
    """`told(device)` tells clients that it changed; set it before the device runs."""

    def __init__(
        self, facts: DeviceFacts, driver: PowerDriver, follow_ups: FollowUps, lock: PrintLock
    ) -> None:
        self.facts = facts
        self.machine = PowerMachine(facts.rules)
        self.driver = driver
        self._follow_ups = follow_ups
        self._lock = lock
        self.told: Callable[[PowerDevice], None] = lambda _device: None
        self._limit_s = max(facts.timeout_s, driver.least_s + BEHIND_DELAY_S)
        self._queue: RequestQueue[_Answer] = RequestQueue()
        self._wake = trio.Event()
        self._shutdown_due = math.inf
        self._is_held = True
        self._is_asked = False
        # What the device said by itself since a request looked at it.
        self._said: PowerState | None = None
        self._initialised = False
        self._throttle = LogThrottle()

    @property
    def name(self) -> str:
        """As configured."""
        return self.facts.name

    @property
    def state(self) -> PowerState:
        """The newest that is known."""
        return self.machine.state

    # Requests

    async def process(self, wish: Wish, *, force: bool = False) -> PowerState:
        """Carry it out, or share the answer to an equal request. Raises `ClientError`.

        Answers within the device's limit; `init` at once while it was never heard of.
        """
        if self._is_held:
            return self._unheard(wish)
        answer = self._queue.find(wish, force)
        if answer is None:
            answer = _Answer()
            self._queue.add(wish, force, answer)
            self._wake.set()
        with trio.move_on_after(self._limit_s):
            await answer.done.wait()
        if not answer.done.is_set():
            raise ClientError(f"{self._shown} has not answered within {self._limit_s:g} s", 503)
        if answer.error is not None and (wish is not Wish.STATUS or answer.error.status == 503):
            raise answer.error
        return answer.state

    def _unheard(self, wish: Wish) -> PowerState:
        """The answer while the device cannot be asked: it was not heard of yet, or not again."""
        if self.state is not PowerState.INIT and wish is not Wish.STATUS:
            raise ClientError(f"{self._shown} cannot be reached; it is tried again", 503)
        return self.state

    @property
    def _shown(self) -> str:
        return f"Power device {self.name}"

    # Life

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the device; raises `Transient` while it cannot be reached for the first time."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._follow_ups.run_services, name="bound services")
                nursery.start_soon(self._follow_ups.run_restarts, name="Klipper restart")
                await nursery.start(self.driver.run, self._report)
                task_status.started()
                if not self.state.is_known:
                    await self._first_look()
                self._is_held = False
                await self._work()
        finally:
            self._is_held = True
            for request in self._queue.drain():
                request.answer.finish(self.state, ClientError(f"{self._shown} is not running", 503))

    async def _first_look(self) -> None:
        """What it is at the start; a driver that will tell by itself says init."""
        try:
            with trio.fail_after(self._limit_s):
                state = await self.driver.status()
        except DriverFailed as exc:
            raise Transient(exc.message) from exc
        except trio.TooSlowError:
            raise Transient(f"no answer within {self._limit_s:g} s") from None
        self._become(state)
        await self._initialise_if_due()

    async def _work(self) -> None:
        while True:
            self._wake = trio.Event()
            await self._initialise_if_due()
            if trio.current_time() >= self._off_due:
                # However many requests wait, and others come meanwhile.
                await self._on_due()
                continue
            request = self._queue.take()
            if request is not None:
                await self._answer(request)
                continue
            due = self._next_due()
            with trio.move_on_at(due):
                await self._wake.wait()
            if trio.current_time() >= due:
                await self._on_due()

    def _next_due(self) -> float:
        polled = self.facts.poll_interval_s
        poll = math.inf if polled is None else _at_a_full_second(polled)
        return min(poll, self._off_due)

    @property
    def _off_due(self) -> float:
        """When it is to be switched off by itself."""
        timer = math.inf if self.machine.off_due is None else self.machine.off_due
        return min(timer, self._shutdown_due)

    async def _on_due(self) -> None:
        now = trio.current_time()
        if self._shutdown_due <= now:
            self._shutdown_due = math.inf
            if self._is_klippy_shutdown():
                await self._off_when_shutdown(now)
        elif self.machine.off_due is not None and self.machine.off_due <= now:
            self.machine.off_due = None
            await self._off_by_timer()
        else:
            await self._poll()

    def _is_klippy_shutdown(self) -> bool:
        return self._follow_ups.klippy_state == "shutdown"

    async def _off_when_shutdown(self, now: float) -> None:
        try:
            await self._carry_out(Wish.OFF, force=False, is_due=self._is_klippy_shutdown)
        except ClientError as exc:
            self._complain(f"is not switched off at Klipper's shutdown yet: {exc.message}")
            self._shutdown_due = now + self.facts.timeout_s

    async def _off_by_timer(self) -> None:
        try:
            await self._carry_out(Wish.OFF, force=False)
        except ClientError as exc:
            self._complain(f"is not switched off by its timer yet: {exc.message}")
            self.machine.off_refused(trio.current_time())

    async def _poll(self) -> None:
        self._become(await self._fresh())

    async def _answer(self, request: Request[_Answer]) -> None:
        error: ClientError | None = None
        try:
            await self._carry_out(request.wish, force=request.force)
        except ClientError as exc:
            error = exc
        # Not where this task ends: `serve` answers what runs then.
        self._queue.done()
        request.answer.finish(self.state, error)

    async def _carry_out(
        self, wish: Wish, *, force: bool, is_due: Callable[[], bool] = lambda: True
    ) -> None:
        """Look, decide, switch if that `is_due` then; raises `ClientError`."""
        limit_s = self._limit_s * DRIVER_SHARE
        self._is_asked = True
        try:
            with trio.move_on_after(limit_s) as scope:
                await self._look_and_switch(wish, force, is_due)
        finally:
            self._is_asked = False
        if scope.cancelled_caught:
            text = f"has not answered within {limit_s:g} s"
            self._complain(text)
            self._do(self.machine.failed())
            if wish is not Wish.STATUS:
                raise ClientError(f"{self._shown} {text}")

    async def _look_and_switch(self, wish: Wish, force: bool, is_due: Callable[[], bool]) -> None:
        fresh = await self._fresh()
        self._said = None
        seen = self.machine.found(fresh)
        target = self.machine.target(wish)
        if target is None:
            self._do(seen)
            return
        if not force and await self._is_locked():
            self._do_unswitched(seen)
            raise ClientError(f"Unable to change power for {self.name} while printing")
        if not is_due():  # the device may take seconds to say what it is
            self._do_unswitched(seen)
            return
        try:
            reported = await self.driver.switch(target is PowerState.ON)
        except DriverFailed as exc:
            self._complain(f"cannot be switched {target}: {exc.message}")
            self._do(seen)
            self._do(self.machine.found(exc.state))
            raise ClientError(f"{self._shown}: {exc.message}", exc.status) from exc
        self._do(self.machine.switched(reported, trio.current_time()))

    def _do_unswitched(self, seen: PowerChange) -> None:
        """Nothing is switched: what the device said while Klipper was asked counts."""
        self._do(seen)
        if self._said is not None:
            self._do(self.machine.found(self._said))

    async def _is_locked(self) -> bool:
        if not self.facts.rules.locked_while_printing:
            return False  # Klipper need not be asked
        if self._lock.is_unknown:
            with trio.move_on_after(min(KLIPPER_BACK_S, self._limit_s / 2)):
                await self._follow_ups.klipper_known()
        return await self._lock.locks(self.machine)

    async def _fresh(self) -> PowerState:
        """What the device says now; `error` where it does not."""
        try:
            with trio.fail_after(self._limit_s * DRIVER_SHARE):
                return await self.driver.status()
        except trio.TooSlowError:
            self._complain("does not answer")
        except DriverFailed as exc:
            self._complain(exc.message)
            if exc.status == 503:
                self._do(self.machine.found(exc.state))
                raise ClientError(f"{self._shown}: {exc.message}", 503) from exc
        return PowerState.ERROR

    # What happens by itself

    def _report(self, state: PowerState) -> None:
        """The device spoke; during a request, the request's own answer counts, if it has one."""
        self._said = state
        if not self._is_asked or state is PowerState.INIT:
            self._become(state)

    def _become(self, state: PowerState) -> None:
        before = self.state
        self._do(self.machine.found(state))
        if state is PowerState.INIT and self.driver.initialises_each_time:
            self._initialised = False
        if before is PowerState.INIT and state.is_known:
            self._wake.set()

    async def _initialise_if_due(self) -> None:
        """`initial_state`, and the services bound to it, once the device is known."""
        if self._initialised or not self.state.is_known:
            return
        self._initialised = True
        wish = self.machine.initial_wish()
        if wish is None:
            self._follow_ups.want_services(self.machine.initial_services())
            return
        if self.facts.rules.locked_while_printing:
            with trio.move_on_after(KLIPPER_KNOWN_S):
                await self._follow_ups.klipper_known()
        try:
            await self._carry_out(wish, force=False)
        except ClientError as exc:
            logger.warning("%s: initial_state is not applied: %s", self._shown, exc.message)

    def on_klippy(self) -> None:
        """Klipper's state has changed."""
        self._follow_ups.on_klippy()

    @property
    def driver_is_shutdown(self) -> bool | None:
        """Of a device of Klipper, whether that is in shutdown; of others None."""
        return getattr(self.driver, "is_shutdown", None)

    def on_klippy_shutdown(self) -> None:
        """Klipper went into shutdown: a second one restarts the delay."""
        if self.facts.off_when_shutdown:
            self._shutdown_due = trio.current_time() + self.facts.off_when_shutdown_delay_s
            self._wake.set()

    def _do(self, change: PowerChange) -> None:
        if change.notify:
            self.told(self)
        self._follow_ups.want_services(change.services)
        self._follow_ups.want_restart(change.restart_klipper, is_off=self.state is PowerState.OFF)

    def _complain(self, text: str) -> None:
        self._throttle.log(logger, f"{self._shown}: {text}", trio.current_time())

    def switch_later(self, wish: Wish, *, force: bool) -> None:
        """For those who wait for nothing: macros. Raises `ClientError` 429."""
        if self._queue.find(wish, force) is None:
            self._queue.add(wish, force, _Answer())
            self._wake.set()

    async def try_on(self, why: str) -> None:
        """Switch on; a failure is only logged."""
        try:
            await self.process(Wish.ON)
        except ClientError as exc:
            logger.warning("%s is not switched on %s: %s", self._shown, why, exc.message)


def _at_a_full_second(after_s: float) -> float:
    """On Trio's clock: devices that are polled together wake the daemon once."""
    return float(round(trio.current_time() + after_s))

"""The daemon's life: log, signals and listening sockets, and generation after generation.

`run` is what the command line calls; it returns the exit code. A restart builds a new generation
on the same listening sockets; SIGTERM or SIGINT end the current one and then the process.
"""

import contextlib
import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable

import trio

from config.backup import load_or_backup, load_or_keep
from config.config_errors import ConfigError
from config.load import Configuration, link_old_folders
from config.paths import Paths, create_folders
from mrk.errors import MrkError, leaves
from mrk.supervision import Supervision
from mrk.version import VERSION
from nurseries.gpio.chips import GpioChips
from nurseries.log.daemon_log import LogOptions, open_log
from nurseries.process.bundle_keeper import BundleKeeper
from nurseries.process.exit_limit import ExitLimit
from nurseries.process.full_collections import FullCollections, PythonCollector
from nurseries.process.host_commands import HostCommands
from nurseries.process.host_names import HostNames
from nurseries.process.instance_id import read_instance_id
from nurseries.process.memory_release import MemoryRelease, use_one_arena
from nurseries.process.module_bundle import leave_bundle
from nurseries.process.service_manager import ServiceManager
from nurseries.process.signals import Signals
from nurseries.root.addresses import Addresses
from nurseries.root.generation import Generation
from nurseries.root.own_release import prove_own_release
from nurseries.root.real_surroundings import HidingLog, real_surroundings
from nurseries.supervise import supervise
from transports.listeners.inherited import Inherited
from transports.listeners.listen_errors import ListenError
from transports.listeners.listeners import Listeners
from transports.listeners.tls import Tls

logger = logging.getLogger(__name__)

# From SIGTERM on; past it the tracebacks of all threads are written and the process is left.
SHUTDOWN_S = 3.0
# The same for a generation that ends for the next one, from when its configuration is read: of an
# update that is under way more is put right than at a shutdown.
RESTART_S = 30.0
DESCRIPTORS = 8192

# Something that runs under the daemon, such as the demo's printer: started first, ended last.
Companion = Callable[..., Awaitable[object]]


class Daemon:
    """One process's daemon, from its first configuration to `stop`.

    `warnings` of the process join those of each configuration in server.info. Without
    `has_services` the host's are neither watched nor controlled. With `owns_process` the garbage
    collector is the daemon's alone; `exit_limit` ends the process when a restart hangs.
    `inherited` are the sockets that systemd passed.
    """

    def __init__(
        self,
        paths: Paths,
        configuration: Configuration,
        log: HidingLog,
        warnings: list[str],
        manager: ServiceManager,
        *,
        has_services: bool = True,
        owns_process: bool = False,
        exit_limit: ExitLimit | None = None,
        inherited: Inherited | None = None,
    ) -> None:
        self._paths = paths
        self._inherited = inherited
        self.owns_process = owns_process
        self._exit_limit = exit_limit
        # The one that runs, and what was read last.
        self._configuration = self._read = configuration
        self._log = log
        self._instance_id = read_instance_id(paths.instance_id)
        self._warnings = [*warnings]
        self._has_services = has_services
        # A restart leaves the lines of power devices as they are.
        self._gpio = GpioChips()
        self._not_listening: list[str] = []
        self._manager = manager
        self._stopping = False
        self._succeeded = trio.Event()
        self.generation = self._build(1)

    def _build(self, number: int) -> Generation:
        warnings = (*self._warnings, *self._not_listening)
        surroundings = real_surroundings(
            self._paths,
            self._configuration,
            self._log,
            self._instance_id,
            warnings,
            has_services=self._has_services,
            gpio=self._gpio,
        )
        return Generation(number, self._configuration, surroundings)

    def stop(self, *, comes_back: bool = False) -> None:
        """End the current generation, and begin no other in this process."""
        self._stopping = True
        self.generation.end(comes_back=comes_back)

    def restart(self) -> None:
        """Read the configuration again and begin a new generation."""
        self.generation.end_for_restart()

    async def serve(
        self, *, task_status: trio.TaskStatus[Listeners] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run until `stop`; `started` with the sockets of the first generation.

        Raises `ListenError` when the first configuration's addresses cannot be had, and what an
        essential part of a generation raises.
        """
        addresses = Addresses.of(self._configuration, self._paths)
        async with contextlib.AsyncExitStack() as sockets:
            listeners = await sockets.enter_async_context(addresses.open(self._inherited))
            task_status.started(listeners)
            while not self._stopping:
                await self.generation.serve(listeners, self._ready, self._read_again)
                if self._stopping:
                    break
                if self._exit_limit is not None:
                    self._exit_limit.generation_ended()
                await self._reload()
                wanted = Addresses.of(self._configuration, self._paths)
                self._not_listening = []
                if wanted != addresses or await addresses.has_tls_since(listeners):
                    await sockets.aclose()
                    addresses, listeners = await self._listen(
                        sockets, wanted, addresses, was_reachable=listeners.reachable
                    )
                elif listeners.tls_side is not None:
                    await self._renew(listeners.tls_side)
                self._succeed()
                if self.owns_process:
                    _forget_cycles()

    async def _renew(self, tls_side: Tls) -> None:
        """Read the certificate again; a broken one leaves the old one in use."""
        try:
            await trio.to_thread.run_sync(tls_side.load)
        except ListenError as exc:
            logger.error("%s", exc)
            self._not_listening = [str(exc)]

    def _succeed(self) -> None:
        ended = self.generation
        self.generation = self._build(ended.generation + 1)
        if ended.is_asked_again:
            self.generation.end_for_restart()
        succeeded, self._succeeded = self._succeeded, trio.Event()
        succeeded.set()

    async def wait_generation(self, number: int) -> None:
        """Return once generation `number`, or a later one, has been built."""
        while self.generation.generation < number:
            await self._succeeded.wait()

    async def _read_again(self) -> None:
        """What the next generation is made of, while this one serves: the disk may stall."""
        logger.info("restart: reading the configuration again")
        self._read = await trio.to_thread.run_sync(
            load_or_keep, self._paths, self._configuration, abandon_on_cancel=True
        )
        if self._exit_limit is not None:
            self._exit_limit.generation_ends()

    async def _reload(self) -> None:
        self._manager.reloading()
        self._configuration = self._read
        self._log.hide(self._configuration.hidden.redact)
        await trio.to_thread.run_sync(link_old_folders, self._configuration, self._paths)
        _tell(self._configuration)

    async def _listen(
        self,
        sockets: contextlib.AsyncExitStack,
        wanted: Addresses,
        before: Addresses,
        *,
        was_reachable: bool,
    ) -> tuple[Addresses, Listeners]:
        """Where it is wanted, else, as long as nobody could connect there, where it was before."""
        try:
            listeners = await sockets.enter_async_context(wanted.open(self._inherited))
            if listeners.reachable or not was_reachable:
                return wanted, listeners
            reason = "; ".join(listeners.warnings)
            await sockets.aclose()
        except ListenError as exc:
            reason = str(exc)
        logger.error("%s; listening where it was before", reason)
        self._not_listening = [f"{reason}; still listening where it was before"]
        return before, await sockets.enter_async_context(before.open(self._inherited))

    def _ready(self) -> None:
        # What a generation is made of stays until its end: no collection looks at it meanwhile.
        if self.owns_process:
            leave_bundle()
            gc.freeze()
        logger.info("generation %d is up", self.generation.generation)
        self._manager.ready()
        self._manager.status(f"mrk {VERSION}, generation {self.generation.generation}")


def run(paths: Paths, companion: Companion | None = None) -> int:
    """Run the daemon until SIGTERM or SIGINT; returns the exit code.

    With a companion it is a demonstration, which leaves the host's services alone.
    """
    _raise_descriptor_limit()
    use_one_arena()
    try:
        warnings = create_folders(paths)
        configuration = load_or_backup(paths)
        link_old_folders(configuration, paths)
    except ConfigError as exc:
        print(f"mrk cannot start:\n{exc}", file=sys.stderr)
        return 1
    options = LogOptions(paths.log_file, verbose=paths.verbose, structured=paths.structured)
    with open_log(options) as log:
        log.hide(configuration.hidden.redact)
        for warning in warnings:
            logger.warning("%s", warning)
        _tell(configuration)
        try:
            warnings += log.warnings
            trio.run(_serve, paths, configuration, log, warnings, companion)
        except* MrkError as group:
            logger.error("mrk ends: %s", "; ".join(map(str, leaves(group))))
            code = 1
        except* Exception as group:
            logger.critical("mrk ends because of a bug", exc_info=group)
            code = 1
        else:
            code = 0
        return code


def _tell(configuration: Configuration) -> None:
    """Log what the configuration has, with the lines that front ends are not shown."""
    for notice in configuration.notices:
        logger.warning("%s", notice.located)
    for note in configuration.notes:
        logger.info("%s", note)


def _forget_cycles() -> None:
    """Let go of a generation that has ended: its parts know each other, so nothing else would.

    Without this they are kept beside those of the next two or three generations, some 3 MB each.
    """
    gc.unfreeze()
    gc.collect()


def _raise_descriptor_limit() -> None:
    """A connection is a descriptor; the usual soft limit of 1,024 is less than mrk's own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _serve(
    paths: Paths,
    configuration: Configuration,
    log: HidingLog,
    warnings: list[str],
    companion: Companion | None,
) -> None:
    trio.socket.set_custom_hostname_resolver(HostNames())
    manager = ServiceManager.from_environment(os.environ, os.getpid())
    alone = companion is None
    exit_limit = ExitLimit(SHUTDOWN_S, RESTART_S)
    daemon = Daemon(
        paths,
        configuration,
        log,
        warnings,
        manager,
        has_services=alone,
        owns_process=True,
        exit_limit=exit_limit,
        inherited=Inherited.from_environment(os.environ, os.getpid()),
    )

    async def stop() -> None:
        daemon.stop(comes_back=alone and await _comes_back())

    def on_stop(number: signal.Signals) -> None:
        logger.info("%s: shutting down", number.name)
        exit_limit.shutdown()
        manager.stopping()
        nursery.start_soon(stop, name="stop")

    async with trio.open_nursery() as nursery:
        await nursery.start(Signals(on_stop=on_stop, on_restart=daemon.restart).serve)
        await nursery.start(manager.serve)
        memory = Supervision("memory_release")
        nursery.start_soon(supervise, memory, MemoryRelease().serve, name=memory.name)
        garbage = Supervision("full_collections")
        bundle = Supervision("module_bundle")
        nursery.start_soon(supervise, bundle, BundleKeeper(HostCommands()).serve, name=bundle.name)
        collections = FullCollections(PythonCollector())
        nursery.start_soon(supervise, garbage, collections.serve, name=garbage.name)
        if companion is None:
            nursery.start_soon(prove_own_release, paths.unix_socket, name="release proof")
        else:
            await nursery.start(companion)
        await daemon.serve()
        nursery.cancel_scope.cancel()
    exit_limit.left()


async def _comes_back() -> bool:
    """Whether the service manager starts this daemon again once it has ended."""
    if "INVOCATION_ID" not in os.environ:
        return False
    # D-Bus is 0.7 MB, which a daemon without services has not loaded.
    from nurseries.services.own_job import is_restart

    return await is_restart(os.environ)

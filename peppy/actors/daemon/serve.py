"""From nothing to a daemon that answers, and back."""

import os
import platform
import signal
import sys
import traceback
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any, Final, cast

import msgspec
import trio

from peppy.actors.daemon import control
from peppy.actors.daemon.books import Books, keep_books
from peppy.actors.daemon.daemon import Daemon, ShutDown
from peppy.actors.daemon.wire import open_router
from peppy.actors.host.config_file import load_config
from peppy.actors.host.daemon_log import complain, steady_output
from peppy.actors.host.environment import bundled_uv
from peppy.actors.host.home import Home
from peppy.actors.host.lock import hold_lock
from peppy.actors.host.ports import Host, HostError
from peppy.actors.host.real import real_host
from peppy.actors.kernel import Ref, run_actor
from peppy.actors.stack.ledger import SITE, SiteRecord
from peppy.actors.stack.recovery import Found, recover
from peppy.actors.stack.site import Site
from peppy.runtime.transport import shared_memory
from peppy.runtime.transport.exchange import Exchange
from peppy.schema.durations import stop_answer_after
from peppy.schema.errors import PeppyError
from peppy.schema.events import EventKind
from peppy.schema.generated_names import core_node_name, generate_instance_id
from peppy.schema.runtime_config import DaemonState

HASTE: Final = 0.03
"""Seconds of silence that make a signal a second wish: people are slower, programs are not."""

LAST_WORDS: Final = 2.0
"""Seconds for the last answers to reach their clients after everything has been taken down."""

SOCKET_CHECK: Final = 5.0
"""Seconds between two looks whether the control socket is still ours."""

LONGEST_ADDRESS: Final = 100
"""Bytes of a path that every system takes as a Unix socket's address."""


def main(*, core_node: str | None = None, idle_exit: float | None = None) -> int:
    """Run the daemon in the foreground until it is stopped; return the exit code.

    `idle_exit` is the number of seconds without a request after which a daemon with an empty stack
    ends by itself; None keeps it. Raises `PeppyError` if it cannot start.
    """
    try:
        with steady_output(Home.from_environment(os.environ).daemon_log):
            return trio.run(_serve, core_node, idle_exit)
    except BaseExceptionGroup as group:
        error = _only(group)
        if isinstance(error, PeppyError):
            raise error from None
        raise


def _only(error: BaseException) -> BaseException:
    """Return the one error in a group of groups, as nurseries make them; or else the group."""
    if isinstance(error, BaseExceptionGroup):
        inside = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return _only(inside[0]) if len(inside) == 1 else cast("BaseException", error)
    return error


async def _serve(core_node: str | None, idle_exit: float | None) -> int:
    home = Home.from_environment(os.environ)
    with hold_lock(home):
        host = real_host(home)
        await _sweep()
        async with keep_books(home, host) as books:
            records = await books.ledger.load()
            async with open_site(home, host, books, core_node, records.site) as site:
                found = await recover(site, records)
                return await _run(site, found, idle_exit)


async def _run(site: Site, found: Found, idle_exit: float | None) -> int:
    events, pid = site.events, site.daemon_pid
    await events.note(EventKind.DAEMON_STARTED, f"the daemon is up (pid {pid})")
    await _write_state(site)  # before anybody can ask: clients read their patience there
    async with listening(site.home.socket) as listener:
        async with run_actor(
            lambda: Daemon(site, found, idle_exit=idle_exit), name="daemon", on_failure=_report
        ) as daemon:
            code = await _attend(site, listener, daemon)
        with suppress(HostError):
            await site.host.files.remove(site.home.daemon_state)
    await events.note(EventKind.DAEMON_STOPPED, f"the daemon has ended (pid {pid})")
    return code


@asynccontextmanager
async def open_site(
    home: Home,
    host: Host,
    books: Books,
    core_node: str | None,
    before: SiteRecord | None,
    environment: Mapping[str, str] = os.environ,
) -> AsyncGenerator[Site, None]:
    """Give the actors all that they use; take it back at the end.

    `before` is where the daemon before was reached: its nodes look for the next one there.
    `environment` may say where else.
    """
    random = SystemRandom()
    config, warnings = await load_config(home, host.files)
    for warning in warnings:
        complain(warning)
    router = await open_router(environment, None if before is None else before.messaging_port)
    try:
        site = SiteRecord(messaging_port=router.port)
        if site != before:
            await books.ledger.write({SITE: site})
        with closing(Exchange(router.transport)) as exchange:
            yield Site(
                host=host,
                home=home,
                transport=router.transport,
                exchange=exchange,
                messaging_port=router.port,
                core_node=core_node or core_node_name(_machine(home)),
                daemon_instance=generate_instance_id(random),
                daemon_pid=os.getpid(),
                host_name=platform.node(),
                started_at=host.clock.now(),
                program_directory=str(Path(sys.executable).parent),
                uv_directory=bundled_uv(),
                random=random,
                events=books.events,
                ledger=books.ledger,
                config=config,
                sweep=_sweep,
            )
    finally:
        await router.transport.close()


@asynccontextmanager
async def listening(path: Path) -> AsyncGenerator[trio.SocketListener, None]:
    """Listen on the control socket, which only its owner may use.

    Whoever holds the lock owns the path: what lies there is left over from a daemon that died.
    """
    socket = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
    path.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        with _bindable(path) as address:
            await socket.bind(address)
    finally:
        os.umask(before)
    socket.listen(128)
    listener = trio.SocketListener(socket)
    try:
        yield listener
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        with trio.CancelScope(shield=True):
            await listener.aclose()


async def _attend(site: Site, listener: trio.SocketListener, daemon: Ref[Any]) -> int:
    """Answer until the daemon has ended; return the exit code: not 0 if it was hurried."""
    hurried: list[int] = []

    async def attend(stream: trio.SocketStream) -> None:
        try:
            await control.attend(stream, daemon)
        except Exception:  # one connection's defect is not the others'
            traceback.print_exc()

    async with trio.open_nursery() as connections:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_await_signals, daemon, hurried)
            nursery.start_soon(_await_eviction, site.home.socket, daemon)
            nursery.start_soon(
                partial(trio.serve_listeners, handler_nursery=connections), attend, [listener]
            )
            _announce(site)
            await daemon.ended()
            nursery.cancel_scope.cancel()
        # By now every question is answered or refused: what is left is to send it.
        connections.cancel_scope.deadline = trio.current_time() + LAST_WORDS
    return 128 + hurried[0] if hurried else 0


async def _write_state(site: Site) -> None:
    state = DaemonState(
        core_node_name=site.core_node,
        daemon_pid=site.daemon_pid,
        messaging_port=site.messaging_port,
        stop_answer_secs=stop_answer_after(site.config.lifecycle.shutdown_grace_secs),
    )
    text = msgspec.json.format(msgspec.json.encode(state), indent=2)
    try:
        await site.host.files.write(site.home.daemon_state, text)
    except HostError as error:
        complain(str(error))  # the stack matters more than who can look it up


def _announce(site: Site) -> None:
    print(  # noqa: T201  # the foreground's own output
        f"peppy daemon ready (pid {site.daemon_pid}, {site.core_node},"
        f" messaging port {site.messaging_port})",
        file=sys.stderr,
        flush=True,
    )


async def _await_signals(daemon: Ref[Any], hurried: list[int]) -> None:
    """Take the first signal as a wish to end, and one that comes after a silence as haste.

    Those of one burst are one wish. What hurries is added to `hurried`.
    """
    last: float | None = None
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for number in signals:
            now = trio.current_time()
            if last is None:
                daemon.tell(ShutDown())
            elif now - last >= HASTE:
                hurried.append(number)
                daemon.tell(ShutDown(hurry=True))
            last = now


async def _await_eviction(socket: Path, daemon: Ref[Any]) -> None:
    """End the daemon when its socket is gone: nobody can reach it any more, not even to stop it."""
    ours = socket.stat().st_ino
    while True:
        await trio.sleep(SOCKET_CHECK)
        try:
            evicted = socket.stat().st_ino != ours
        except FileNotFoundError:
            evicted = True
        if evicted:
            daemon.tell(ShutDown())
            return


async def _sweep() -> None:
    await trio.to_thread.run_sync(shared_memory.sweep)


def _machine(home: Home) -> str:
    """Return a text that stays the same for this home on this machine."""
    try:
        machine = Path("/etc/machine-id").read_text().strip()
    except OSError:
        machine = platform.node()
    return f"{machine}:{home.root}"


def _report(ref: Ref[Any], error: BaseException) -> None:
    """Write a failure into the daemon's own log; what a person can put right is a line."""
    if isinstance(error, PeppyError):
        print(f"{ref}: {error}", file=sys.stderr, flush=True)  # noqa: T201
    else:
        print(f"{ref} failed", file=sys.stderr)  # noqa: T201
        traceback.print_exception(error)


@contextmanager
def _bindable(path: Path) -> Generator[str, None, None]:
    """Yield a way to write `path` that fits the 107 bytes of a Unix socket's address.

    A long one goes through an open directory, which Linux also knows under a short name.
    """
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)

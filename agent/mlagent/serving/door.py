"""One listening socket in one event loop: accepts, and leaves to the other processes what is theirs."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from mlagent.serving.connection import Connection

PAUSE_SECONDS = 0.001
PAUSES = 20  # in a row; then the others seem to be busy


class Door:
    """Accepts one client at a time, while no other process has fewer; `made` makes the connection."""

    def __init__(
        self, listening: socket.socket, made: Callable[[], Connection], mine_to_take: Callable[[], bool]
    ) -> None:
        """Wait for `open`; `mine_to_take` says whether this process is the one to take the next client."""
        self._listening, self._made, self._mine = listening, made, mine_to_take
        self._paused = 0
        self._tasks: set[asyncio.Task[object]] = set()

    def open(self) -> None:
        """Accept from now on."""
        self._listening.setblocking(False)  # noqa: FBT003
        self._watch()

    def last(self) -> None:
        """From now on whoever waits is taken at once: nobody else may be there to do it."""
        self._mine = lambda: True

    def close(self) -> None:
        """Accept whoever waits, and no more; the socket itself is closed, for this process."""
        self._shut()
        with contextlib.suppress(OSError):
            while self._took():
                pass
        self._listening.close()

    def _watch(self) -> None:
        if self._listening.fileno() >= 0:
            asyncio.get_running_loop().add_reader(self._listening, self._accept)

    def _shut(self) -> None:
        if self._listening.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._listening)

    def _accept(self) -> None:
        """Take who waits; where others have fewer clients, give them a moment to take it first."""
        if self._paused < PAUSES and not self._mine():
            self._paused += 1
            self._pause()
            return
        self._paused = 0
        try:
            self._took()
        except OSError:  # no file is left: others have to leave first
            self._pause()

    def _took(self) -> bool:
        """Whether somebody waited, who is in now; OSError where no file is left."""
        try:
            client, _ = self._listening.accept()
        except (BlockingIOError, ConnectionAbortedError, InterruptedError):
            return False
        client.setblocking(False)  # noqa: FBT003
        task = asyncio.get_running_loop().create_task(self._begin(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _begin(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it is gone already
            await asyncio.get_running_loop().connect_accepted_socket(self._made, client)

    def _pause(self) -> None:
        self._shut()
        asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._watch)

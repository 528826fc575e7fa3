"""Wakes a user when a request is due, within a tenth of a millisecond; gevent's timers round up to a whole one.

Linux's timerfd, which epoll waits for as for any answer; elsewhere, or where the kernel gives none, gevent's timers.
Belongs to Locust's room.
"""

import ctypes
import os
import sys

import gevent

_MONOTONIC, _NONBLOCK, _CLOEXEC, _READ = 1, os.O_NONBLOCK, os.O_CLOEXEC, 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class _Spec(ctypes.Structure):
    """An itimerspec: how often again (never), and when first."""

    _fields_ = [(name, ctypes.c_long) for name in ("again_s", "again_ns", "first_s", "first_ns")]


class Alarm:
    """One user's."""

    def __init__(self) -> None:
        self._fd = _LIBC.timerfd_create(_MONOTONIC, _NONBLOCK | _CLOEXEC) if _LIBC else -1
        self._watcher = gevent.get_hub().loop.io(self._fd, _READ) if self._fd >= 0 else None

    def wait(self, seconds: float) -> None:
        """Let the others go on, so long at least."""
        if _LIBC is None or self._watcher is None or seconds <= 0:
            gevent.sleep(max(0.0, seconds))
            return
        whole = int(seconds)
        spec = _Spec(0, 0, whole, max(1, int((seconds - whole) * 1e9)))
        _LIBC.timerfd_settime(self._fd, 0, ctypes.byref(spec), None)
        gevent.get_hub().wait(self._watcher)
        os.read(self._fd, 8)

    def close(self) -> None:
        """Give it back."""
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
            os.close(self._fd)

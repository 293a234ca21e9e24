"""Process: notices for little that this one is a forked child, also of a fork in C of which Python was not told.

A mark is 0 in each process until it is set there. Where the kernel wipes its page at a fork, a look is not the system
call that os.getpid is: that would be a tenth of what an event costs.

Thread: safe.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from typing import Protocol

_WIPE_ON_FORK = 18  # MADV_WIPEONFORK of Linux 4.14, which the standard library does not name
_NO_ADVICE = -1  # a kernel that takes this (qemu's) does nothing about the other one either


class Mark(Protocol):
    def __getitem__(self, index: int, /) -> int: ...

    def __setitem__(self, index: int, value: int, /) -> None: ...


def new_mark() -> Mark:
    """Its index is 0."""
    with contextlib.suppress(AttributeError, OSError, ValueError):  # not Linux, or an old one
        page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        page.madvise(_WIPE_ON_FORK)
        if not _takes(page, _NO_ADVICE):
            return memoryview(page)
    return _ByPid()


def _takes(page: mmap.mmap, advice: int) -> bool:
    try:
        page.madvise(advice)
    except OSError:
        return False
    return True


class _ByPid:
    def __init__(self) -> None:
        self._pid = 0

    def __getitem__(self, index: int, /) -> int:
        return int(self._pid == os.getpid())

    def __setitem__(self, index: int, value: int, /) -> None:
        self._pid = os.getpid()

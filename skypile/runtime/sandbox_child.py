"""The sandbox's side of the fence: the template that loads a function once, and the children it forks.

A template is a process of its own, with one thread, that holds nothing but the function: a fork of it is a child
that is ready at once. See `skypile.runtime.sandbox` for what limits a child.
"""

import contextlib
import importlib
import mmap
import os
import resource
import select
import signal
import socket
import struct
import traceback
from collections.abc import Callable
from typing import Final

from skypile.runtime.process import importing, keep_freed_memory

# Seconds and megabytes; sent with four descriptors: to read from, to write to, for STATUS, and the shared memory.
LIMITS: Final = struct.Struct("<dI")
STATUS: Final = struct.Struct("<i")  # the child's process id, and once it is dead its exit status
REQUEST: Final = struct.Struct("<I")  # how many bytes; they are in the shared memory, if they fit
SHARED_BYTES: Final = 16 << 20  # what is larger comes through the pipe
REPLY: Final = struct.Struct("<BI")
READY, OK, ERROR, MEMORY, OK_AND_RETIRE = range(5)


def template(function: str, requests: int) -> None:
    """Import `module:function` and fork a child for each request on the socket `requests`, until that closes.

    If the module has a function `prepare`, it is called first: what is loaded or compiled once must not be charged
    to the first page.
    """
    keep_freed_memory()
    name, _, attribute = function.partition(":")
    with importing():  # frozen after: a collection in a child would touch, and so copy, all that is shared
        module = importlib.import_module(name)
        call = getattr(module, attribute)
        getattr(module, "prepare", lambda: None)()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the owner decides
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    door = socket.socket(fileno=requests)
    statuses: dict[int, int] = {}  # of the living children
    while True:
        ready, _, _ = select.select([requests, wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            _report_dead(statuses)
        if requests in ready:
            limits, passed, _, _ = socket.recv_fds(door, LIMITS.size, 4)
            if not limits:
                os._exit(0)  # nobody waits for it, and it has nothing to put in order
            seconds, memory_mb = LIMITS.unpack(limits)
            read_from, write_to, status, shared = passed
            child = os.fork()
            if child == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for end in (requests, wake, woken, status, *statuses.values()):
                    os.close(end)
                _be_child(call, seconds, memory_mb, read_from, write_to, shared)
            for end in (read_from, write_to, shared):
                os.close(end)
            statuses[child] = status
            _tell(status, child)


def _report_dead(statuses: dict[int, int]) -> None:
    while statuses:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            return
        end = statuses.pop(child)
        _tell(end, os.waitstatus_to_exitcode(status))
        os.close(end)


def _tell(end: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # the owner is gone
        os.write(end, STATUS.pack(number))


def _be_child(
    call: Callable[[bytes], bytes], seconds: float, memory_mb: int, read_from: int, write_to: int, shared: int
) -> None:
    """Serve and end, whatever happens: nothing may unwind into the template's loop."""
    status = 1
    try:
        serve(call, seconds, memory_mb, read_from, write_to, shared)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BrokenPipeError:  # the owner is gone
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def serve(
    call: Callable[[bytes], bytes], seconds: float, memory_mb: int, read_from: int, write_to: int, shared: int
) -> None:
    """The child's loop: answer each request under the limits, end when the pipe closes."""
    with os.fdopen(read_from, "rb", buffering=1 << 16) as requests, mmap.mmap(shared, SHARED_BYTES) as memory:
        space, resident = _memory_mb()
        resource.setrlimit(resource.RLIMIT_AS, (int(space + memory_mb) << 20,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.write(write_to, REPLY.pack(READY, 0))
        while header := requests.read(REQUEST.size):
            size = REQUEST.unpack(header)[0]
            data = requests.read(size) if size > SHARED_BYTES else b""
            signal.setitimer(signal.ITIMER_PROF, seconds)  # default action of SIGPROF: the process ends
            try:
                kind, value = OK, call(data or memory[:size])
            except MemoryError:
                kind, value = MEMORY, f"needed more than {memory_mb} MB".encode()
            except Exception as error:
                kind, value = ERROR, f"{type(error).__name__}: {error}"[:500].encode("utf-8", "replace")
            signal.setitimer(signal.ITIMER_PROF, 0)
            if kind == OK and _memory_mb()[1] > resident + memory_mb / 2:
                kind = OK_AND_RETIRE
            view = memoryview(REPLY.pack(kind, len(value)) + value)
            while view:
                view = view[os.write(write_to, view) :]


def _memory_mb() -> tuple[float, float]:
    """Address space and resident memory of this process in MB; 2 us through /proc, 0 and the peak where there is none
    (macOS)."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - three times as fast as pathlib, every page pays
            space, resident = file.read().split()[:2]
    except OSError:
        return 0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return int(space) * resource.getpagesize() / 2**20, int(resident) * resource.getpagesize() / 2**20

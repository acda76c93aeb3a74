"""A persistent child process that runs one function per call under limits that hold in C code too.

Parsers are C and pages are hostile: a Python alarm cannot stop a C loop, and a segmentation fault takes
the whole worker with it. So the work happens in a child, one per worker:

- processor time: the child arms ITIMER_PROF before each call; the kernel kills it when the time is used
  up, whatever code it runs. Processor time, unlike wall-clock time, hardly depends on how busy the machine
  is, so the same pages fail on every run. A wall-clock limit of `WALL_FACTOR` times that backs it up.
- memory: RLIMIT_AS, so much above what the child has at rest; beyond it allocations fail, which Python reports and C
  code mostly dies of.
- growth: a child that holds half of that after a call is replaced.

A child that is killed from outside, as the kernel does where memory is short, says nothing about its page: the call is
made once more, in another child. Who is killed twice has crashed.

Children are forked from a template (`skypile.runtime.sandbox_child`), a process that has loaded the function and does
nothing else. So a page that kills its child costs a fork and not a start of Python, and processes forked from one
that has a template share it.

Measured: 0.1 ms a page of 180 KB beside 1.3 ms of work; 13 ms a replacement (a start with all imports: 900 ms).
"""

import contextlib
import fcntl
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
import time
from typing import IO, Final, Literal, NamedTuple

from skypile.runtime.process import ONE_THREAD
from skypile.runtime.sandbox_child import LIMITS, MEMORY, OK, OK_AND_RETIRE, READY, REPLY, REQUEST, SHARED_BYTES, STATUS

Status = Literal["ok", "error", "timeout", "out_of_memory", "crash"]

PAGE_FUNCTION: Final = "skypile.extraction.page:serve"  # what sandboxes are for
WALL_FACTOR: Final = 6  # a page waits that much longer than it computes only on a machine at a standstill
START_SECONDS: Final = 600  # imports took up to 15 s on a cold, busy machine, compiling kernels 75 s
# What no page does to its own process and others do to it: the kernel, a person, a container that ends.
_KILLS: Final = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP, None)  # None: the template was killed with it
_DEATH_SECONDS: Final = 5  # the pipe closes a moment before the process is gone
_F_SETPIPE_SZ: Final = 1031  # Linux; not in fcntl before Python 3.10's constant on every platform


class Outcome(NamedTuple):
    """What became of one call. `value`: the function's bytes if ok, else a message for people."""

    status: Status
    value: bytes


class Template(NamedTuple):
    """A process that forks children while anybody holds its `door`."""

    door: socket.socket
    process: subprocess.Popen[bytes]


_templates: dict[str, Template] = {}


def template(function: str) -> Template:
    """This process's template for `module:function`, started by the first call, which does not wait until it is
    ready: whoever will need a sandbox may call this early and do other things. Processes forked later share it.
    """
    if function in _templates:
        return _templates[function]
    door, theirs = socket.socketpair()
    program = (
        f"import sys; sys.path[:] = {sys.path!r}; from skypile.runtime.sandbox_child import template; "
        f"template({function!r}, {theirs.fileno()})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        pass_fds=(theirs.fileno(),),
        stdin=subprocess.DEVNULL,
        env=os.environ | ONE_THREAD,
    )
    theirs.close()
    return _templates.setdefault(function, Template(door, process))


def end_template(function: str) -> None:
    """Let go of this process's template, if it has one; its children live on, as does one that others share."""
    if found := _templates.pop(function, None):
        found.door.close()


class Sandbox:
    """Calls `module:function` (bytes -> bytes) in a child process, one call at a time."""

    def __init__(self, function: str, seconds: float, memory_mb: int) -> None:
        """`seconds` of processor time per call, and `memory_mb` of memory beyond what the process has at rest."""
        self.function, self.seconds, self.memory_mb = function, seconds, memory_mb
        self.starts = 0
        self.pid = 0  # of the child; 0: there is none
        self._to = self._from = self._status = -1
        # Requests through a pipe would be copied by the kernel, into and out of pages it allocates: a tenth of the
        # fast engine's time. Pages of the mapping that no request has reached take no memory.
        self._shared = _shared_memory()
        self._memory = mmap.mmap(self._shared.fileno(), SHARED_BYTES)

    def call(self, data: bytes) -> Outcome:
        """Run the function on `data`. Never raises for what the function does; restarts the child as needed."""
        return self._attempt(data, last=False) or self._attempt(data, last=True)  # type: ignore[return-value]

    def _attempt(self, data: bytes, last: bool) -> Outcome | None:
        """None: the child was killed from outside, and this is not the `last` attempt."""
        self.wait()
        deadline = time.monotonic() + WALL_FACTOR * self.seconds
        try:
            if len(data) <= SHARED_BYTES:
                self._memory[: len(data)] = data
            self._send(REQUEST.pack(len(data)), deadline)
            if len(data) > SHARED_BYTES:
                self._send(data, deadline)
            kind, value = self._receive(deadline)
        except TimeoutError:
            self.close()
            return Outcome("timeout", f"no answer within {WALL_FACTOR * self.seconds:g} s".encode())
        except (EOFError, BrokenPipeError):
            return self._post_mortem(last)
        if kind in (MEMORY, OK_AND_RETIRE):
            self.close()
        if kind in (OK, OK_AND_RETIRE):
            return Outcome("ok", value)
        return Outcome("out_of_memory" if kind == MEMORY else "error", value)

    def close(self) -> int | None:
        """Kill the child; its exit status (negative: the signal it died of), None if nobody knows."""
        if not self.pid:
            if self._from >= 0:  # asked for and never waited for: it ends with its pipes
                self._release()
            return 0
        status = self._exit_status(0)
        if status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            status = self._exit_status(_DEATH_SECONDS)
        self._release()
        return status

    def _post_mortem(self, last: bool) -> Outcome | None:
        _readable(self._status, _DEATH_SECONDS)
        status = self.close()
        if status in _KILLS and not last:
            return None
        if status == -signal.SIGPROF:
            return Outcome("timeout", f"used up {self.seconds:g} s of processor time".encode())
        if status is None:
            return Outcome("crash", b"the process ended with its template")
        name = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return Outcome("crash", name.encode())

    def _exit_status(self, seconds: float) -> int | None:
        """What the template says of the dead child; None if it says nothing: the child lives, or nobody knows."""
        try:
            return self._number(seconds)
        except (EOFError, TimeoutError):
            return None

    def _number(self, seconds: float) -> int:
        return int(STATUS.unpack(_read(self._status, STATUS.size, time.monotonic() + seconds))[0])

    def _release(self) -> None:
        for end in (self._to, self._from, self._status):
            os.close(end)
        self._to = self._from = self._status = -1
        self.pid = 0

    def is_ready(self) -> bool:
        """Whether a call would be served at once. Starts the child if there is none, and waits for nothing."""
        if self._from < 0:
            self._start()
        return bool(self.pid) or _readable(self._from, 0)

    def wait(self) -> None:
        """Wait until the child is ready. RuntimeError if its imports fail."""
        for _ in range(2):  # it, or its template, may be killed while it starts
            if self.pid:
                return
            self.is_ready()
            with contextlib.suppress(TimeoutError, EOFError):
                kind, _ = self._receive(time.monotonic() + START_SECONDS)
                self.pid = self._number(_DEATH_SECONDS) if kind == READY else 0
            if not self.pid:
                end_template(self.function)
                self._release()
        if not self.pid:
            raise RuntimeError(
                f"the process for {self.function} did not start: its imports fail; its message stands above"
            )

    def _start(self) -> None:
        child_in, self._to = os.pipe()
        self._from, child_out = os.pipe()
        self._status, status = os.pipe()
        for end in (self._to, self._from):
            with contextlib.suppress(OSError):
                fcntl.fcntl(end, _F_SETPIPE_SZ, 1 << 20)
        os.set_blocking(self._to, False)
        passed = (child_in, child_out, status, self._shared.fileno())
        try:
            self._ask_for_child(passed)
        except OSError:  # the template has died since; another attempt, with a new one
            end_template(self.function)
            self._ask_for_child(passed)
        finally:
            for end in passed[:3]:
                os.close(end)
        self.starts += 1

    def _ask_for_child(self, passed: tuple[int, int, int, int]) -> None:
        socket.send_fds(template(self.function).door, [LIMITS.pack(self.seconds, self.memory_mb)], passed)

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._to, view) :]
            except BlockingIOError:
                if not select.select([], [self._to], [], max(0.0, deadline - time.monotonic()))[1]:
                    raise TimeoutError from None

    def _receive(self, deadline: float) -> tuple[int, bytes]:
        kind, size = REPLY.unpack(_read(self._from, REPLY.size, deadline))
        return kind, _read(self._from, size, deadline)


def _shared_memory() -> IO[bytes]:
    """A file of SHARED_BYTES in memory, without a name (on macOS on disk)."""
    if hasattr(os, "memfd_create"):
        file: IO[bytes] = os.fdopen(os.memfd_create("sandbox"), "r+b")
    else:
        import tempfile

        file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the sandbox
    file.truncate(SHARED_BYTES)
    return file


def _read(end: int, size: int, deadline: float) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        if not _readable(end, max(0.0, deadline - time.monotonic())):
            raise TimeoutError
        part = os.read(end, min(size - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def _readable(end: int, seconds: float) -> bool:
    return bool(select.select([end], [], [], seconds)[0])

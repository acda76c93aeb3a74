"""A persistent child process that runs one function per call under limits that hold in C code too.

Parsers are C and pages are hostile: a Python alarm cannot stop a C loop, and a segmentation fault takes
the whole worker with it. So the work happens in a child, one per worker:

- processor time: the child arms ITIMER_PROF before each call; the kernel kills it when the time is used
  up, whatever code it runs. Processor time, unlike wall-clock time, hardly depends on how busy the machine
  is, so the same pages fail on every run. A wall-clock limit of `WALL_FACTOR` times that backs it up.
- memory: RLIMIT_AS; beyond it allocations fail, which Python reports and C code mostly dies of.
- growth: a child whose resident memory has reached half its limit after a call is replaced.

Measured: 20 us a round trip at 4 KB, 0.3 ms at 100 KB; a replacement costs the start of a Python with the
function's imports.
"""

import contextlib
import fcntl
import importlib
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Final, Literal

Status = Literal["ok", "error", "timeout", "out_of_memory", "crash"]

WALL_FACTOR: Final = 6  # a page waits that much longer than it computes only on a machine at a standstill
START_SECONDS: Final = 600  # imports took up to 15 s on a cold, busy machine, compiling kernels 75 s
_REQUEST: Final = struct.Struct("<I")
_REPLY: Final = struct.Struct("<BI")
_READY, _OK, _ERROR, _MEMORY, _OK_AND_RETIRE = range(5)
_F_SETPIPE_SZ: Final = 1031  # Linux; not in fcntl before Python 3.10's constant on every platform


@dataclass(frozen=True)
class Outcome:
    """What became of one call. `value`: the function's bytes if ok, else a message for people."""

    status: Status
    value: bytes


class Sandbox:
    """Calls `module:function` (bytes -> bytes) in a child process, one call at a time."""

    def __init__(self, function: str, seconds: float, memory_mb: int) -> None:
        """`seconds` of processor time and `memory_mb` of address space per call and process."""
        self.function, self.seconds, self.memory_mb = function, seconds, memory_mb
        self.starts = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._to = self._from = -1

    def call(self, data: bytes) -> Outcome:
        """Run the function on `data`. Never raises for what the function does; restarts the child as needed."""
        if self._child is None:
            self._start()
        deadline = time.monotonic() + WALL_FACTOR * self.seconds
        try:
            self._send(_REQUEST.pack(len(data)), deadline)
            self._send(data, deadline)
            kind, value = self._receive(deadline)
        except TimeoutError:
            self.close()
            return Outcome("timeout", f"no answer within {WALL_FACTOR * self.seconds:g} s".encode())
        except (EOFError, BrokenPipeError):
            return self._post_mortem()
        if kind in (_MEMORY, _OK_AND_RETIRE):
            self.close()
        if kind in (_OK, _OK_AND_RETIRE):
            return Outcome("ok", value)
        return Outcome("out_of_memory" if kind == _MEMORY else "error", value)

    def close(self) -> int:
        """Kill the child; its exit status (negative: the signal it died of)."""
        if self._child is None:
            return 0
        self._child.kill()
        status = self._child.wait()
        os.close(self._to)
        os.close(self._from)
        self._child = None
        return status

    def _post_mortem(self) -> Outcome:
        assert self._child is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout=5)  # the pipe closes a moment before the process is gone
        status = self.close()
        if status == -signal.SIGPROF:
            return Outcome("timeout", f"used up {self.seconds:g} s of processor time".encode())
        name = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return Outcome("crash", name.encode())

    def _start(self) -> None:
        child_in, self._to = os.pipe()
        self._from, child_out = os.pipe()
        for end in (self._to, self._from):
            with contextlib.suppress(OSError):
                fcntl.fcntl(end, _F_SETPIPE_SZ, 1 << 20)
        os.set_blocking(self._to, False)
        program = (
            f"import sys; sys.path[:] = {sys.path!r}; from skypile.sandbox import serve; "
            f"serve({self.function!r}, {self.seconds!r}, {self.memory_mb}, {child_in}, {child_out})"
        )
        self._child = subprocess.Popen(
            [sys.executable, "-c", program], pass_fds=(child_in, child_out), stdin=subprocess.DEVNULL
        )
        self.starts += 1
        os.close(child_in)
        os.close(child_out)
        try:
            kind, _ = self._receive(time.monotonic() + START_SECONDS)
        except (TimeoutError, EOFError):
            kind = -1
        if kind != _READY:
            status = self.close()
            raise RuntimeError(
                f"the process for {self.function} did not start (status {status}): its imports fail or need more "
                f"than {self.memory_mb} MB; its message stands above"
            )

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._to, view) :]
            except BlockingIOError:
                if not select.select([], [self._to], [], max(0.0, deadline - time.monotonic()))[1]:
                    raise TimeoutError from None

    def _receive(self, deadline: float) -> tuple[int, bytes]:
        kind, size = _REPLY.unpack(self._read(_REPLY.size, deadline))
        return kind, self._read(size, deadline)

    def _read(self, size: int, deadline: float) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            if not select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError
            part = os.read(self._from, min(size - len(parts), 1 << 20))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)


def serve(function: str, seconds: float, memory_mb: int, read_from: int, write_to: int) -> None:
    """The child's loop: import `module:function`, answer each request, end when the pipe closes.

    If the module has a function `prepare`, it is called first, outside all limits: what is loaded or compiled
    once must not be charged to the first page.
    """
    name, _, attribute = function.partition(":")
    module = importlib.import_module(name)
    call = getattr(module, attribute)
    getattr(module, "prepare", lambda: None)()
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with os.fdopen(read_from, "rb", buffering=1 << 20) as requests, os.fdopen(write_to, "wb", buffering=0) as out:
        out.write(_REPLY.pack(_READY, 0))
        while header := requests.read(_REQUEST.size):
            data = requests.read(_REQUEST.unpack(header)[0])
            signal.setitimer(signal.ITIMER_PROF, seconds)  # default action of SIGPROF: the process ends
            try:
                kind, value = _OK, call(data)
            except MemoryError:
                kind, value = _MEMORY, f"needed more than {memory_mb} MB".encode()
            except Exception as error:
                kind, value = _ERROR, f"{type(error).__name__}: {error}"[:500].encode("utf-8", "replace")
            signal.setitimer(signal.ITIMER_PROF, 0)
            if kind == _OK and _resident_mb() > memory_mb / 2:
                kind = _OK_AND_RETIRE
            view = memoryview(_REPLY.pack(kind, len(value)) + value)
            while view:
                view = view[os.write(write_to, view) :]


def _resident_mb() -> float:
    """Resident memory of this process in MB; 2 us through /proc, the peak where there is none (macOS)."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - three times as fast as pathlib, every page pays
            return int(file.read().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

"""One writer a folder.

On a file system of this machine, or mounted on it, the lock is the kernel's (POSIX `fcntl`): it ends with the process
that holds it, however that ends, after a reboot and on another host too, as far as the mount passes locks on (NFS
does). Forked processes do not inherit it.

Elsewhere (s3a://, hdfs://, a mount without locks) it is an object that names its holder and changes every BEAT
seconds. A holder in this machine's table of processes is looked up there; any other is watched, and dead if its object
stays as it is for WATCH seconds: no two clocks are compared.
"""

import errno
import fcntl
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from skypile.errors import SkypileError
from skypile.runtime import files

LOCK = "_lock"
BEAT = 10.0
WATCH = 3 * BEAT
_UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS)

_held: dict[str, tuple[int, int]] = {}  # folder -> thread that holds it in this process, and how often


class FolderLocked(SkypileError):
    """Another process writes to the folder."""


@contextmanager
def locked(folder: str) -> Iterator[None]:
    """Hold `folder`, which must exist. Raises FolderLocked, at once if the other process runs on this machine.

    The same thread may hold it twice, so that a command and what it calls can both ask for it.
    """
    mine = threading.get_ident()
    thread, times = _held.get(folder, (mine, 0))
    if thread != mine:
        raise _refusal(folder, _me())
    release = (_by_kernel(folder) or _by_lease(folder)) if times == 0 else (lambda: None)
    _held[folder] = (mine, times + 1)
    try:
        yield
    finally:
        if times:
            _held[folder] = (mine, times)
        else:
            del _held[folder]
        release()


def _by_kernel(folder: str) -> Callable[[], None] | None:
    """Take the kernel's lock; what releases it. None where there is none."""
    if "://" in folder:
        return None
    path = Path(folder, LOCK)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            supported = error.errno not in _UNSUPPORTED
            holder = _written(descriptor) if supported else {}
            if not supported and not os.fstat(descriptor).st_size:
                path.unlink(missing_ok=True)  # ours, of just now
            os.close(descriptor)
            if not supported:
                return None
            raise _refusal(folder, holder) from None
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(descriptor).st_ino:  # else its holder has removed it meanwhile
                break
        os.close(descriptor)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, json.dumps(_me()).encode())

    def release() -> None:
        # The disk may be read-only by now: what ended the work is the news, and the lock is none.
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)

    return release


def _by_lease(folder: str) -> Callable[[], None]:
    """Create the object that locks `folder`, and keep it changing; what removes it."""
    place = files.join(folder, LOCK)
    mine = _me() | {"token": uuid.uuid4().hex, "beat": 0}
    try:
        files.create_json(place, mine)
    except FileExistsError:
        holder = files.read_json(place) or {}
        if _alive(place, holder):
            raise _refusal(folder, holder) from None
        files.write_json(place, mine)
        time.sleep(min(1.0, BEAT / 2))  # of several that find it dead, the last one to write has it
        holder = files.read_json(place) or {}
        if holder.get("token") != mine["token"]:
            raise _refusal(folder, holder) from None
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT):
            mine["beat"] += 1
            with suppress(OSError):  # the next beat may pass
                files.write_json(place, mine)

    beating = threading.Thread(target=beat, daemon=True)
    beating.start()

    def release() -> None:
        over.set()
        beating.join()
        files.remove_tree(place)

    return release


def _alive(place: str, holder: dict[str, Any]) -> bool:
    """Whether the process that wrote a lock lives."""
    if holder.get("machine") == _machine():
        return holder.get("process") == _process(holder.get("pid", 0))
    until = time.monotonic() + WATCH
    while time.monotonic() < until:
        time.sleep(min(1.0, WATCH / 4))
        now = files.read_json(place)
        if now is None:
            return False
        if now != holder:
            return True
    return False


def _me() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "host": os.uname().nodename,
        "machine": _machine(),
        "process": _process(os.getpid()),
        "since": time.strftime("%Y-%m-%d %H:%M:%S %z"),
    }


def _machine() -> str:
    """This boot of this kernel, and the table of processes that can be seen from here."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return os.uname().nodename


def _process(pid: int) -> str | None:
    """What tells a process from a later one of the same number; None if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]  # ticks from boot to its start
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return str(pid)


def _written(descriptor: int) -> dict[str, Any]:
    """What the holder of a kernel's lock says of itself; nothing if it has not said it within a moment."""
    for _ in range(10):
        with suppress(ValueError):
            return dict(json.loads(os.pread(descriptor, 4096, 0)))
        time.sleep(0.02)
    return {}


def _refusal(folder: str, holder: dict[str, Any]) -> FolderLocked:
    who = f"process {holder['pid']} on {holder['host']} since {holder['since']}" if "pid" in holder else "another run"
    return FolderLocked(f"{folder} is being written by {who}; wait until that has ended, or choose another folder")

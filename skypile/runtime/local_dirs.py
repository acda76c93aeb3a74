"""Spark's temporary files on this machine: shuffles, sorted runs, archives; they go when their session has gone.

A JVM removes its own when it ends, and it ends with the process that started it. One that is killed, by the kernel
where memory is short, leaves gigabytes of them. So an embedded session has a folder of its own below each temporary
folder that Spark is given: the process that started the JVM removes it if it survives, and if both were killed, the
next session does, whichever run it is for. A folder is in use while its owner holds the kernel's lock on a file in it.
"""

import atexit
import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

PREFIX: Final = "skypile-spark-"
_LOCK: Final = "in_use"
_ENVIRONMENT: Final = "SPARK_LOCAL_DIRS"  # Spark takes it before its setting spark.local.dir

_locks: list[int] = []  # descriptors; the locks are held as long as they are open
_own: list[Path] = []


def own_folder() -> Path | None:
    """Where large temporary files of this process go with those of its session; None if it has started none."""
    return _own[0] if _own else None


def claim_local_dirs(settings: Mapping[str, str]) -> list[Path]:
    """Folders for a session of this process, named to the JVM that it starts; what dead sessions left is removed.

    They lie below those that the environment, the settings, or else the system name for temporary files.
    """
    roots = os.environ.get(_ENVIRONMENT) or settings.get("spark.local.dir") or tempfile.gettempdir()
    made = []
    for root in map(Path, roots.split(",")):
        root.mkdir(parents=True, exist_ok=True)
        _sweep(root)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
        descriptor, unnamed = tempfile.mkstemp(dir=folder)
        with suppress(OSError):  # a file system without locks
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        Path(unnamed).rename(folder / _LOCK)  # where others look for it, only once it is locked
        _locks.append(descriptor)
        made.append(folder)
    _own.extend(made)
    os.environ[_ENVIRONMENT] = ",".join(map(str, made))
    return made


def removed_with_jvm(made: list[Path], gateway: Any) -> None:
    """Have the folders removed when the gateway's JVM ends, by it, or by this process if it is killed."""
    for folder in made:  # it deletes them in the opposite order, after all that Spark has put into them
        gateway.jvm.java.io.File(str(folder)).deleteOnExit()
        gateway.jvm.java.io.File(str(folder / _LOCK)).deleteOnExit()
    place = gateway.gateway_parameters.address, gateway.gateway_parameters.port

    def remove() -> None:
        # A large process that was killed is some time in dying, and has closed its port by then.
        if _refused(place):
            gateway.proc.wait()
        if gateway.proc.poll() is not None:
            for folder in made:
                shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)


def _refused(place: tuple[str, int]) -> bool:
    """Whether nobody listens there."""
    try:
        socket.create_connection(place, timeout=1).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        pass
    return False


def _sweep(root: Path) -> None:
    """Remove the folders of sessions whose process is gone."""
    for folder in root.glob(f"{PREFIX}*"):
        with suppress(OSError):  # of another user; or not locked yet, and so not there
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)

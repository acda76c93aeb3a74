"""One sentence for what is no fault of the program: bad input, a full disk, a file that may not be read.

The command line and the jobs end with it and exit code 2. What is none of these kinds is a bug, and keeps its
traceback: `sentence` says None.

Expected are the product's own errors (`SkypileError`, and what its code raises itself as ValueError, OSError or
ImportError), what the operating system refuses, and what Spark refuses. Errors of Spark's Python workers are looked
for in the text that the JVM hands on, up to 1,200 lines.
"""

import errno
import itertools
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skypile.errors import SkypileError
from skypile.runtime.process import ONE_COMMAND
from skypile.text.visible import visible

REFUSED = 2  # exit code of whatever ends with a sentence
INTERRUPTED = 130  # what shells say of a program that Ctrl-C ended; typer leaves with it too
GO_ON = "interrupted; run the same command again: what is finished is not done twice"
MOST_CHARACTERS = 2000  # of a sentence: a value in it may be a page

_HERE = Path(__file__).resolve().parent
_HOMES = (_HERE, *(folder.resolve() for folder in (_HERE / "classifiers", _HERE / "jobs")))
_OURS = ("ValueError", "OSError", "FileNotFoundError", "FileExistsError", "ImportError")

_ADVICE = {
    errno.ENOENT: "no such file or folder; is the path right?",
    errno.EACCES: "permission denied; may this user read it, or write it if it is the output?",
    errno.EPERM: "not permitted to this user",
    errno.EISDIR: "it is a folder, where a file is needed",
    errno.ENOTDIR: "a part of this path is a file, where a folder is needed",
    errno.EEXIST: "it exists already, and is no folder to write into",
    errno.ENOSPC: "no space left on the device; free some, and run the same command again: what is finished stays",
    errno.EDQUOT: "the disk quota is used up; free some, and run the same command again: what is finished stays",
    errno.EFBIG: "the file grows over the largest size that the system or `ulimit -f` allows",
    errno.EROFS: "the file system is read-only; choose another output",
    errno.ENAMETOOLONG: "the name is too long for the file system",
    errno.ELOOP: "symbolic links lead back to themselves",
    errno.EMFILE: "too many open files; raise `ulimit -n`",
    errno.EIO: "the device failed to read or write it",
}
_MEMORY = "out of memory: give the machine or the container more, or run fewer processes beside this one"
_HEAP = "Spark's Java heap is full: raise spark.driver_memory in the config, or --driver-memory of spark-submit"
_JVM_UNHEARD = ("Answer from Java side is empty", "Error while sending or receiving", "connect to the Java server")
_JVM_GONE = "Spark's Java process has ended: it was killed, or the machine is out of memory"

_ERRNO = re.compile(r"\[Errno (\d+)\] [^\n]*?(?:: ('[^\n]*'|\"[^\n]*\"))?\s*$", re.MULTILINE)
_FRAME = re.compile(r'^ *(?:\|? *)File "([^"\n]+)", line \d+, in [^\n]*\n([^\n]*)', re.MULTILINE)
_RAISED = re.compile(r"^([A-Za-z_][\w.]*)(?:: (.*))?$")
_CAUSE = re.compile(r"^(?:: |Caused by: )([\w.$]+)(?:: (.*))?$", re.MULTILINE)


def sentence(error: BaseException) -> str | None:
    """What to say of `error`, one line for a terminal; None if it is a bug, or a signal to end."""
    told = _told(error)
    if told is None:
        return None
    told = " ".join(line.strip() for line in told.strip().split("\n"))
    return visible(told if len(told) <= MOST_CHARACTERS else told[:MOST_CHARACTERS] + " …")


def is_interrupt(error: BaseException | None, *kinds: type[BaseException]) -> bool:
    """Whether Ctrl-C led to `error`, be it through what the clearing up then failed of. `kinds`: what else means it."""
    while error is not None:
        if isinstance(error, (KeyboardInterrupt, *kinds)):
            return True
        if isinstance(error, SystemExit) and error.code == INTERRUPTED:
            return True
        error = error.__context__
    return False


@contextmanager
def one_sentence(name: str) -> Iterator[None]:
    """End the process, which serves this one block, with `name`: and a sentence on standard error, where the block
    fails with an expected error or is interrupted."""
    ONE_COMMAND.set()
    try:
        yield
    except BaseException as error:
        interrupted = is_interrupt(error)
        told = GO_ON if interrupted else sentence(error)
        if told is None:
            raise
        print(f"{name}: {told}", file=sys.stderr)
        sys.exit(INTERRUPTED if interrupted else REFUSED)


def _told(error: BaseException) -> str | None:
    if isinstance(error, SkypileError):
        return str(error)
    if isinstance(error, MemoryError):
        return _MEMORY
    if isinstance(error, ConnectionError) and _in_py4j(error):
        return _JVM_GONE
    if isinstance(error, OSError) and error.errno is not None:
        return _of_system(error.errno, error.filename, error.strerror)
    package = type(error).__module__.split(".")[0]
    if package in ("pyspark", "py4j"):
        return _of_spark(str(error))
    if isinstance(error, (ValueError, OSError, ImportError)):
        remote = getattr(error.__cause__, "tb", None)  # of a process pool: the worker's traceback, as text
        if isinstance(remote, str):
            return _of_worker(remote)
        if package == "pyarrow":
            return (
                f"a Parquet or Arrow file cannot be read ({_first_line(str(error))}): is it whole, and of that format?"
            )
        last = traceback.extract_tb(error.__traceback__)[-1:]
        if last and _raised_here(last[0].filename, last[0].line or ""):
            return str(error)
    return None


def _of_system(number: int, path: object, message: str | None) -> str:
    advice = _ADVICE.get(number) or (message or os.strerror(number))
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if path is None or isinstance(path, int):
        named = re.search(r"'([^']+)'", message or "")  # pyarrow puts the path into its message
        path = named[1] if named else None
    return f"{path}: {advice}" if path is not None else advice


def _of_arrow(message: str) -> str:
    return f"a Parquet or Arrow file cannot be read ({_first_line(message)}): is it whole, and of that format?"


def _of_worker(text: str) -> str | None:
    """The sentence of a Python traceback that came as text, alone or with a JVM's around it."""
    block = text[text.rindex("Traceback (most recent call last)") :] if "Traceback (most recent" in text else text
    lines = block.split("\n")[1:]
    at = next((i for i, line in enumerate(lines) if line and not line.startswith((" ", "\t"))), None)
    found = _RAISED.match(lines[at].strip()) if at is not None else None
    if found is None or at is None:
        return None
    rest = list(itertools.takewhile(lambda line: line.strip() and not line.startswith("\tat "), lines[at + 1 :]))
    message = "\n".join([found[2] or "", *rest])
    kind = found[1]
    if kind.startswith(("skypile.", "classifiers.")):
        return message
    if kind.endswith("MemoryError"):
        return _MEMORY
    if system := _ERRNO.search(message):
        return _of_system(int(system[1]), system[2][1:-1] if system[2] else None, message)
    frames = _FRAME.findall(block)
    if kind in _OURS and frames and _raised_here(frames[-1][0], frames[-1][1].strip()):
        return message
    if kind.startswith("pyarrow."):
        return _of_arrow(message)
    return None


def _of_spark(text: str) -> str | None:
    if "No space left on device" in text:
        return _of_system(errno.ENOSPC, None, None)
    if "Traceback (most recent call last)" in text:
        return _of_worker(text)
    if "java.lang.OutOfMemoryError" in text:
        return _HEAP
    causes = _CAUSE.findall(text)
    if causes:
        kind, message = next((cause for cause in reversed(causes) if cause[1]), causes[-1])
        return f"Spark failed: {message or kind} ({kind.rsplit('.', 1)[-1]})"
    if any(said in text for said in _JVM_UNHEARD):
        return _JVM_GONE
    return f"Spark refuses this: {_first_line(text)}"


def _in_py4j(error: BaseException) -> bool:
    """Whether it was the connection with Spark's JVM that failed."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(Path(frame.filename).parent.name == "py4j" for frame in frames)


def _raised_here(file: str, line: str) -> bool:
    """Whether a statement of the product's own raised it, and no library or operator below."""
    return line.startswith("raise ") and any(Path(file).resolve().is_relative_to(home) for home in _HOMES)


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0]

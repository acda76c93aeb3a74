"""The JVM of a session of our own: it starts without a word, is gone when Ctrl-C has ended the run, and leaves nothing.

PySpark starts it with this process's standard error, on which it greets with warnings that no option silences, and
prints pages of stack traces when its workers are interrupted. Here that passes through a pipe. Its temporary files lie
in a folder of its own (see `local_dirs`).
"""

import atexit
import logging
import os
import signal
import socketserver
import threading
from pathlib import Path
from typing import IO, Any, NoReturn

from pyspark import SparkConf, SparkContext
from pyspark.accumulators import AccumulatorTCPServer
from pyspark.java_gateway import launch_gateway

from skypile.runtime.local_dirs import claim_local_dirs, removed_with_jvm

JAVA_OPTIONS = "spark.driver.extraJavaOptions"
GREETINGS = (b"WARNING: Using incubator modules:",)
BROKEN = (b"BrokenPipeError", b"ConnectionResetError", b"EOFError")
END_SECONDS = 10  # it deletes its temporary files first


def start_jvm(settings: dict[str, str]) -> None:
    """Start this process's JVM with Spark's `settings`, unless there is one."""
    if SparkContext._gateway is not None or "PYSPARK_GATEWAY_PORT" in os.environ:
        return
    made = claim_local_dirs(settings) if settings["spark.master"].startswith("local") else []
    if made:
        settings = settings | {JAVA_OPTIONS: f'{settings.get(JAVA_OPTIONS, "")} "-Djava.io.tmpdir={made[0]}"'}
    ours, theirs = os.pipe()
    stream = os.fdopen(ours, "rb")
    try:
        gateway = launch_gateway(SparkConf(False).setAll(list(settings.items())), {"stderr": theirs})
    finally:
        os.close(theirs)
        passing = threading.Thread(target=_pass_on, args=(stream,), daemon=True)
        passing.start()
    SparkContext._ensure_initialized(gateway=gateway)
    removed_with_jvm(made, gateway)
    # If the JVM is killed, the call that fails says so; Py4J and a thread that the JVM talks to need not, in 40 lines.
    AccumulatorTCPServer.handle_error = lambda *_: None  # type: ignore[method-assign]
    logging.getLogger().addFilter(_not_of_py4j)  # which logs that as the root


def _not_of_py4j(record: logging.LogRecord) -> bool:
    return Path(record.pathname).parent.name != "py4j"


def end_on_interrupt() -> None:
    """Let Ctrl-C end this process by a KeyboardInterrupt alone, and the JVM of `start_jvm` with it.

    In place of PySpark's own handler, which asks the JVM in the midst of another question. Call it after the session
    has begun, from the main thread; from others it does nothing.
    """
    gateway: Any = SparkContext._gateway
    if threading.current_thread() is not threading.main_thread() or gateway is None or gateway.proc is None:
        return

    def interrupted(*_: object) -> NoReturn:
        _silent.set()
        logging.disable(logging.CRITICAL)  # Py4J's: it reports every broken call
        socketserver.BaseServer.handle_error = _unsaid  # type: ignore  # PySpark's: workers report to it to the last
        atexit.register(_end, gateway.proc)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupted)


_silent = threading.Event()


def _unsaid(*_: object) -> None:
    """In place of a server's report that a connection broke."""


def _pass_on(stream: IO[bytes]) -> None:
    """What the JVM and its Python workers say, to standard error, but for greetings and farewells."""
    held: list[bytes] = []  # a traceback, as far as it has come
    with stream:
        for line in stream:
            held.append(line)
            if held[0].startswith(b"Traceback") and (len(held) == 1 or line.startswith(b" ")):
                continue
            _say(held)
            held = []
    _say(held)


def _say(lines: list[bytes]) -> None:
    if lines and not (_silent.is_set() or lines[0].startswith(GREETINGS) or _farewell(lines)):
        os.write(2, b"".join(lines))


def _farewell(lines: list[bytes]) -> bool:
    """Whether it is the traceback of a worker whose JVM, or task, has gone: PySpark's own code, on a broken pipe."""
    frames = [line for line in lines if line.lstrip().startswith(b"File ")]
    return lines[-1].startswith(BROKEN) and bool(frames) and all(b"pyspark/" in frame for frame in frames)


def _end(process: Any) -> None:
    """End the JVM, and with it its Python workers."""
    process.stdin.close()
    try:
        process.wait(END_SECONDS)
    except Exception:
        process.kill()

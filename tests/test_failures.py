"""Expected failures become one line; bugs do not."""

import errno
import os
import socket
import threading
from concurrent.futures import ProcessPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from py4j.clientserver import ClientServer, JavaParameters, PythonParameters
from py4j.java_gateway import GatewayParameters, JavaGateway

from skypile.crawl.inputs import InputError
from skypile.errors import Refused, SkypileError
from skypile.failures import MOST_CHARACTERS, one_sentence, sentence
from skypile.tokens.packing import check_fraction
from skypile.tokens.shuffle import permute


def caught(function, *arguments):
    with pytest.raises(BaseException) as found:
        function(*arguments)
    return found.value


def open_and_fail(number):
    raise OSError(number, os.strerror(number), "some/file")


@pytest.mark.parametrize("error", [SkypileError("a"), Refused("a"), InputError("a")])
def test_errors_of_our_own(error):
    assert sentence(error) == "a"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "read-only"),
        (errno.EISDIR, "it is a folder"),
        (errno.ENOTDIR, "a part of this path is a file"),
        (errno.ENOENT, "no such file"),
        (errno.EMFILE, "ulimit -n"),
        (errno.ETIMEDOUT, "timed out"),  # none of those foreseen: in the system's words
    ],
)
def test_what_the_system_refuses_names_the_file(number, words):
    told = sentence(caught(open_and_fail, number))
    assert told.startswith("some/file: ") and words in told


def test_a_full_device():
    with open("/dev/full", "wb", buffering=0) as file:  # noqa: PTH123  (unbuffered)
        assert "no space left" in sentence(caught(file.write, b"x"))


def test_files_that_pyarrow_refuses(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    assert "a Parquet or Arrow file cannot be read" in sentence(caught(pq.read_table, tmp_path / "a.parquet"))
    assert f"{tmp_path}/none" in sentence(caught(pq.ParquetFile, tmp_path / "none"))


def test_memory():
    assert "out of memory" in sentence(MemoryError())
    assert "out of memory" in sentence(pa.lib.ArrowMemoryError("malloc of size 9"))


def index(numbers):
    return numbers[7]


def parse(text):
    return int(text)


@pytest.mark.parametrize(("function", "argument"), [(index, []), (parse, "x"), (len, 3), (permute, 3)])
def test_bugs_have_no_sentence(function, argument):
    assert sentence(caught(function, argument)) is None


def test_a_value_error_is_expected_only_where_our_code_raises_it():
    assert "below 1" in sentence(caught(check_fraction, 2.0))
    assert "0..9" in sentence(caught(permute, [10], 10, 0))

    def foreign():
        raise ValueError("from elsewhere")

    assert sentence(caught(foreign)) is None


def test_a_worker_of_a_pool():
    with ProcessPoolExecutor(1) as pool:
        told = sentence(caught(pool.submit(check_fraction, 3.0).result))
        assert told.startswith("validation=3.0")
        assert "no space left" in sentence(caught(pool.submit(open_and_fail, errno.ENOSPC).result))
        assert sentence(caught(pool.submit(index, []).result)) is None


WORKER = """An error occurred while calling o78.collectToPython.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed 4 times
Traceback (most recent call last):
  File "/usr/lib/pyspark/worker.py", line 9, in main
    process()
  File "{file}", line 3, in load
    {line}
{error}

\tat org.apache.spark.api.python.BasePythonRunner.handle(PythonRunner.scala:500)
Caused by: java.lang.RuntimeException: gone
"""


class SparkError(Exception):
    __module__ = "pyspark.errors.exceptions.captured"


@pytest.mark.parametrize(
    ("line", "error", "told"),
    [
        ("raise ModelError(x)", "skypile.tokens.piece_model.ModelError: m.model is no model", "m.model is no model"),
        ("open(x)", "PermissionError: [Errno 13] Permission denied: '/x/y'", "/x/y: permission denied"),
        ("write(x)", "OSError: [Errno 28] No space left on device", "no space left"),
        ('raise ValueError("a")', "ValueError: a\nb", "a b"),
        ("x[7]", "IndexError: list index out of range", None),
        ("int(x)", "ValueError: invalid literal for int() with base 10: 'x'", None),
    ],
)
def test_a_worker_of_spark(line, error, told):
    from skypile.tokens import piece_model

    found = sentence(SparkError(WORKER.format(file=piece_model.__file__, line=line, error=error)))
    assert found is None if told is None else found.startswith(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[PATH_NOT_FOUND] Path does not exist: file:/x.\n\tat a.b(C)",
            "[PATH_NOT_FOUND] Path does not exist: file:/x.",
        ),
        (": java.io.IOException: No space left on device\n\tat x", "no space left"),
        ("x\nCaused by: java.lang.OutOfMemoryError: Java heap space\n\tat x", "spark.driver_memory"),
        (": a.B: outer\n\tat x\nCaused by: c.D: x is not a Parquet file\n\tat y", "x is not a Parquet file (D)"),
    ],
)
def test_what_spark_says_is_cut_to_its_cause(text, told):
    found = sentence(SparkError(text))
    assert told in found and "\tat" not in found and "\n" not in found


def test_a_sentence_is_one_line_and_has_an_end():
    told = sentence(Refused("a\nb\x1b[2J\u202e" + "x" * 10**6))
    assert "\n" not in told and "\x1b" not in told and "\u202e" not in told
    assert len(told) <= MOST_CHARACTERS + 20


def test_a_job_ends_with_the_sentence(capsys, monkeypatch):
    monkeypatch.setattr("skypile.failures.ONE_COMMAND", threading.Event())
    with pytest.raises(SystemExit) as end, one_sentence("shards.py"):
        raise Refused("no\x1b[31m")
    assert end.value.code == 2 and capsys.readouterr().err == "shards.py: no\\u001b[31m\n"
    with pytest.raises(KeyError), one_sentence("shards.py"):
        {}["a"]


def test_a_job_that_is_interrupted_says_how_to_go_on(capsys, monkeypatch):
    monkeypatch.setattr("skypile.failures.ONE_COMMAND", threading.Event())
    with pytest.raises(SystemExit) as end, one_sentence("shards.py"):
        try:
            raise KeyboardInterrupt
        finally:  # what the clearing up fails of
            {}["a"]
    said = capsys.readouterr().err
    assert end.value.code == 130 and said.startswith("shards.py: interrupted; run the same") and said.count("\n") == 1


@pytest.mark.parametrize("pinned", [True, False], ids=["a connection a thread", "one for all"])
def test_a_jvm_that_has_gone(pinned):
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    if pinned:
        gateway = ClientServer(JavaParameters(port=port), PythonParameters(port=0, daemonize=True))
    else:
        gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port))
    error = caught(lambda: gateway.jvm.java.lang.System.nanoTime())
    assert sentence(error) == "Spark's Java process has ended: it was killed, or the machine is out of memory"
    assert sentence(caught(socket.create_connection, ("127.0.0.1", port))) == "Connection refused"  # another's

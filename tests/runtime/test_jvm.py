"""What of the JVM's standard error reaches ours."""

import io

import pytest

from skypile.runtime.jvm import _pass_on

WORKER = b'  File "/venv/site-packages/pyspark/python/lib/pyspark.zip/pyspark/daemon.py", line 95, in worker\n'
OURS = b'  File "/src/skypile/crawl/warc.py", line 7, in read\n'
HEAD = b"Traceback (most recent call last):\n"


@pytest.mark.parametrize(
    ("said", "passed"),
    [
        (b"WARNING: Using incubator modules: jdk.incubator.vector\n", False),
        (b"Fatal Python error: Segmentation fault\n", True),
        (HEAD + WORKER + WORKER + b"BrokenPipeError: [Errno 32] Broken pipe\n", False),
        (HEAD + WORKER + b"    code = worker(sock)\n           ^^^^^^\n" + b"EOFError\n", False),
        (HEAD + WORKER + OURS + b"BrokenPipeError: [Errno 32] Broken pipe\n", True),  # what broke was not the JVM's
        (HEAD + WORKER + b"MemoryError\n", True),
        (HEAD + WORKER, True),  # cut off
        (HEAD, True),
    ],
)
def test_greetings_and_farewells_are_kept_to_ourselves(capfd, said, passed):
    after = b"" if said.endswith(HEAD) or said.endswith(WORKER) else b"after\n"
    _pass_on(io.BytesIO(b"before\n" + said + after))
    assert capfd.readouterr().err.encode() == b"before\n" + (said if passed else b"") + after

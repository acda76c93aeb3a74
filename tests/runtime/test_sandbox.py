"""Poison of every kind ends as an outcome; what comes after it is unharmed."""

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from skypile.config import ExtractionConfig
from skypile.extraction.document import unpacked
from skypile.runtime.sandbox import PAGE_FUNCTION, Sandbox, template
from tests.conftest import REPOSITORY
from tests.crawls import article


def poison(data: bytes) -> bytes:
    """What the child runs: the request names the kind of harm."""
    kind = data.split(b":")[0]
    if kind == b"python loop":
        while True:
            pass
    if kind == b"c loop":
        ctypes.PyDLL(None).PyRun_SimpleString(b"while True: pass")
    if kind == b"native loop":  # one C call that never comes back to the interpreter
        pow(7, 3 * 10**8)
    if kind == b"nap":
        time.sleep(1)
    if kind == b"sleep":
        time.sleep(3600)
    if kind == b"memory":
        return bytes(4 << 30)
    if kind == b"segfault":
        ctypes.string_at(0)
    if kind == b"kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind in (b"kill once", b"terminate once") and not (mark := Path(data.split(b":", 1)[1].decode())).exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL if kind == b"kill once" else signal.SIGTERM)
    if kind == b"exit":
        os._exit(7)
    if kind == b"recursion":
        return poison(b"recursion")
    if kind == b"raise":
        raise ValueError("broken page \udcff")
    if kind == b"prepared?":
        return b"yes" if b"prepared" in kept else b"no"
    if kind == b"pid":
        return str(os.getpid()).encode()
    if kind == b"grow":
        kept.append(bytes(300 << 20))
        kept[-1] = kept[-1].replace(b"\0", b"\1")  # touch it
        return str(os.getpid()).encode()
    return data[::-1]


def ends(pid: int) -> bool:
    """Whether a process is gone, or a zombie, within five seconds."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


kept: list[bytes] = []


@pytest.fixture(scope="module")
def box():
    sandbox = Sandbox("tests.runtime.test_sandbox:poison", seconds=1.0, memory_mb=1024)
    yield sandbox
    sandbox.close()


@pytest.mark.parametrize(
    ("kind", "status", "message"),
    [
        ("python loop", "timeout", "used up 1 s of processor time"),
        ("c loop", "timeout", "used up 1 s of processor time"),
        ("native loop", "timeout", "processor time"),
        ("memory", "out_of_memory", "1024 MB"),
        ("segfault", "crash", "SIGSEGV"),
        ("kill", "crash", "SIGKILL"),
        ("exit", "crash", "exit status 7"),
        ("recursion", "error", "RecursionError"),
        ("raise", "error", "ValueError: broken page"),
    ],
)
def test_poison_is_named_and_the_next_page_is_unharmed(box, kind, status, message, monkeypatch):
    monkeypatch.setattr("skypile.runtime.sandbox.WALL_FACTOR", 60)  # other tests may leave it a tenth of a processor
    outcome = box.call(kind.encode())
    assert outcome.status == status
    assert message in outcome.value.decode()
    assert box.call(b"abc").value == b"cba"


@pytest.mark.parametrize("kind", ["kill once", "terminate once"])
def test_a_child_killed_from_outside_says_nothing_about_its_page(box, tmp_path, kind):
    request = f"{kind}:{tmp_path}/mark".encode()
    before = box.starts
    assert box.call(request) == ("ok", request[::-1])
    assert box.starts - before <= 2


def test_a_child_and_its_template_killed_in_mid_call_are_both_replaced():
    sandbox = Sandbox("tests.runtime.test_sandbox:poison", seconds=20.0, memory_mb=1024)
    sandbox.wait()

    def kill() -> None:
        time.sleep(0.3)
        template(sandbox.function).process.kill()
        os.kill(sandbox.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    assert sandbox.call(b"nap").status == "ok"
    killer.join()
    sandbox.close()


def test_a_child_killed_while_it_starts_is_started_again():
    sandbox = Sandbox("tests.runtime.test_sandbox:poison", seconds=1.0, memory_mb=1024)
    sandbox.is_ready()
    template(sandbox.function).process.kill()
    assert sandbox.call(b"abc").value == b"cba"
    sandbox.close()


@pytest.mark.parametrize("engine", ["fast", "trafilatura", "trafilatura-fast", "resiliparse"])
def test_the_least_memory_that_can_be_set_is_enough_for_a_sound_page(engine):
    """And not for one that asks for more: what the process has at rest is not the page's."""
    least = ExtractionConfig.model_fields["memory_mb"].metadata[0].ge
    sandbox = Sandbox(PAGE_FUNCTION, seconds=20.0, memory_mb=least)
    page = article("tea", sentences=2000)
    settings = json.dumps([engine, ["en"], 100]).encode()
    for _ in range(3):
        outcome = sandbox.call(b"\n".join((b'["http://a.example/", "text/html"]', settings, page)))
        assert outcome.status == "ok" and unpacked(outcome.value)["verdict"] == "kept", outcome
    assert sandbox.starts == 1
    sandbox.close()


def test_a_page_that_waits_for_ever_meets_the_wall_clock():
    sandbox = Sandbox("tests.runtime.test_sandbox:poison", seconds=0.3, memory_mb=1024)
    began = time.monotonic()
    assert sandbox.call(b"sleep").status == "timeout"
    assert time.monotonic() - began < 60
    sandbox.close()


def test_requests_and_replies_larger_than_a_pipe(box):
    data = bytes(range(256)) * 40_000  # 10 MB, read and written in parts on both sides
    assert box.call(data).value == data[::-1]


def test_the_child_is_kept_between_pages_and_replaced_when_it_has_grown(box):
    first = box.call(b"pid").value
    assert box.call(b"pid").value == first
    for _ in range(3):  # 300 MB each: past half of the limit after the second
        last = box.call(b"grow").value
    assert last != first or box.call(b"pid").value != first


def test_a_missing_import_stops_the_run_instead_of_failing_every_page():
    with pytest.raises(RuntimeError, match="did not start"):
        Sandbox("no_such_module:f", seconds=1.0, memory_mb=1024).call(b"")


def test_the_child_ends_with_its_parent():
    sandbox = Sandbox("tests.runtime.test_sandbox:poison", seconds=1.0, memory_mb=1024)
    pid = int(sandbox.call(b"pid").value)
    os.close(sandbox._to)  # what the kernel does when the worker dies
    assert select.select([sandbox._status], [], [], 5)[0], f"child {pid} outlives its worker"
    sandbox._to = os.dup(sandbox._from)
    assert sandbox.close() == 0


def test_a_template_that_was_killed_is_replaced_and_its_child_with_it():
    sandbox = Sandbox("tests.runtime.test_sandbox:poison", seconds=0.3, memory_mb=1024)
    child = int(sandbox.call(b"pid").value)
    template(sandbox.function).process.kill()
    template(sandbox.function).process.wait()
    assert sandbox.call(b"pid").value == str(child).encode()  # which needs no template
    assert sandbox.call(b"sleep").status == "timeout"
    assert ends(child)
    assert sandbox.call(b"abc").value == b"cba"
    assert int(sandbox.call(b"pid").value) != child
    sandbox.close()


def test_a_template_ends_with_its_owners():
    program = (
        "import os; from skypile.runtime.sandbox import Sandbox, template;"
        " box = Sandbox('tests.runtime.test_sandbox:poison', 1, 1024);"
        "print(box.call(b'pid').value.decode(), template(box.function).process.pid, flush=True); os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert all(ends(int(pid)) for pid in done.stdout.split())


def test_forked_processes_share_a_template_and_nothing_else():
    """Two sandboxes of two processes: each answers its own, and one that dies leaves the other alone."""
    first = Sandbox("tests.runtime.test_sandbox:poison", seconds=1.0, memory_mb=1024)
    assert first.call(b"ab").value == b"ba"
    other = os.fork()
    if other == 0:
        second = Sandbox("tests.runtime.test_sandbox:poison", seconds=1.0, memory_mb=1024)
        answers = [second.call(kind).status for kind in (b"x", b"segfault", b"y")]
        os._exit(0 if answers == ["ok", "crash", "ok"] else 1)
    for _ in range(100):
        assert first.call(b"abc").value == b"cba"
    assert os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]) == 0
    assert first.starts == 1
    first.close()


def prepare() -> None:
    """Called by the child before the first request."""
    kept.append(b"prepared")


def test_preparation_is_outside_the_limits_and_before_the_first_page(box):
    assert box.call(b"prepared?").value == b"yes"

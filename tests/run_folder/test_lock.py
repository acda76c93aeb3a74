"""One writer a folder, and a lock that ends with its holder."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
import uuid

import pytest

from skypile.run_folder import lock
from skypile.run_folder.lock import LOCK, FolderLocked, locked
from skypile.runtime import files
from tests.conftest import REPOSITORY

HOLDER = """
import sys
from skypile.run_folder.lock import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds tmp_path."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_the_second_is_told_who_and_since_when(holder, tmp_path):
    with pytest.raises(FolderLocked) as refused, locked(str(tmp_path)):
        pass
    words = rf"{re.escape(str(tmp_path))} is being written by process {holder.pid} on \S+ since \d{{4}}-\d\d-\d\d \d\d:"
    assert re.match(words, str(refused.value))


def test_a_killed_holder_holds_nothing(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / LOCK).exists()
    with locked(str(tmp_path)):
        pass
    assert not (tmp_path / LOCK).exists()


def test_a_disk_that_is_read_only_by_then_hides_no_error(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with pytest.raises(ValueError, match="the news"), locked(str(tmp_path)):
        monkeypatch.setattr(lock.Path, "unlink", refuse)
        raise ValueError("the news")
    monkeypatch.undo()
    assert (tmp_path / LOCK).exists()
    with locked(str(tmp_path)):  # which it no longer is
        pass


def test_a_forked_child_does_not_hold_on(tmp_path):
    with locked(str(tmp_path)):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
        forked = os.fork()
        if forked == 0:
            signal.pause()
            os._exit(0)
    try:
        done = subprocess.run(
            [sys.executable, "-c", HOLDER, str(tmp_path)],
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout, done.stderr) == ("held\n", "")
    finally:
        child.kill()
        os.kill(forked, signal.SIGKILL)
        os.waitpid(forked, 0)


def test_one_thread_may_hold_it_twice_and_another_not_at_all(tmp_path):
    refused = []

    def other():
        try:
            with locked(str(tmp_path)):
                pass
        except FolderLocked as error:
            refused.append(str(error))

    with locked(str(tmp_path)):
        with locked(str(tmp_path)):
            pass
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert f"process {os.getpid()} " in refused[0]
    with locked(str(tmp_path)):
        pass


@pytest.fixture
def remote(monkeypatch):
    """A folder without the kernel's locks, and short waits."""
    monkeypatch.setattr(lock, "BEAT", 0.05)
    monkeypatch.setattr(lock, "WATCH", 0.4)
    return f"memory://{uuid.uuid4().hex}"


def leave(folder, **changes):
    """The lock of a process that was here before."""
    files.write_json(f"{folder}/{LOCK}", lock._me() | {"token": "theirs", "beat": 3} | changes)


def test_a_remote_folder_is_held_and_let_go(remote):
    with locked(remote):
        assert files.read_json(f"{remote}/{LOCK}")["pid"] == os.getpid()
    assert files.read_json(f"{remote}/{LOCK}") is None


def test_a_live_process_of_this_machine_is_known_at_once(remote):
    parent = os.getppid()
    leave(remote, pid=parent, process=lock._process(parent))
    with pytest.raises(FolderLocked, match=f"process {parent} on"), locked(remote):
        pass


@pytest.mark.parametrize("process", [None, "12"])
def test_a_number_that_another_process_has_now_is_no_holder(remote, process):
    """After a restart of the machine, or of a long time."""
    leave(remote, pid=os.getppid() if process else 2**22 + 1, process=process or "7")
    with locked(remote):
        assert files.read_json(f"{remote}/{LOCK}")["pid"] == os.getpid()


def test_a_holder_elsewhere_is_dead_if_it_does_not_move(remote):
    leave(remote, machine="another boot, another table", host="node-7")
    with locked(remote):
        assert files.read_json(f"{remote}/{LOCK}")["pid"] == os.getpid()


def test_a_holder_elsewhere_lives_if_it_does(remote):
    leave(remote, machine="another boot, another table", host="node-7", pid=4711)
    beat = threading.Timer(0.15, leave, (remote,), {"machine": "another boot", "host": "node-7", "beat": 4})
    beat.start()
    with pytest.raises(FolderLocked, match="process 4711 on node-7"), locked(remote):
        pass
    beat.join()


def test_a_lock_held_long_goes_on_beating(remote):
    with locked(remote):
        first = files.read_json(f"{remote}/{LOCK}")
        for _ in range(100):
            if (now := files.read_json(f"{remote}/{LOCK}")) != first:
                break
            threading.Event().wait(0.02)
        assert now["beat"] > first["beat"] and now["token"] == first["token"]


def test_a_mount_without_locks_falls_back(monkeypatch, tmp_path):
    def none(*given):
        raise OSError(lock.errno.ENOLCK, "no locks available")

    monkeypatch.setattr(lock.fcntl, "lockf", none)
    with locked(str(tmp_path)):
        assert json.loads((tmp_path / LOCK).read_text())["token"]

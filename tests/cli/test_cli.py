"""The command line: expected errors end in one message, and help stays as it is."""

import os
import subprocess
import sys

import pytest

from skypile.runtime import session
from tests.conftest import REPOSITORY


def skypile(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "skypile.cli", *arguments]
    return subprocess.run(
        command,
        cwd=REPOSITORY,
        env=os.environ | {"COLUMNS": "100"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("status", "nowhere"), "no run in nowhere"),
        (("why", "http://a.example/", "--run", "nowhere"), "no run in nowhere"),
        (("config", "--config", "none.toml"), "no config file none.toml"),
        (("run", "--output", "/tmp/unused", "no/such/*.warc.gz"), "matches no file"),
    ],
)
def test_expected_errors_are_one_message(arguments, message):
    done = skypile(*arguments)
    assert done.returncode == 2
    assert message in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def test_ctrl_c_while_the_command_loads_is_one_line():
    """Loading takes half a second: who mistypes a path interrupts that."""
    interrupted = "import sys; sys.meta_path.insert(0, type('Finder', (), {'find_spec': find}))"
    find = "def find(name, *rest):\n    if name == 'skypile.cli': raise KeyboardInterrupt\n"
    script = f"{find}{interrupted}\nfrom skypile.command import main\nmain()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert (done.returncode, done.stderr) == (130, "skypile: interrupted\n")


def test_a_missing_or_old_java_is_one_sentence(tmp_path):
    (tmp_path / "crawl").mkdir()
    (tmp_path / "crawl" / "a.html").write_text("<p>text")
    run = ("run", "--output", str(tmp_path / "run"), str(tmp_path / "crawl"))
    missing = skypile(*run, JAVA_HOME=str(tmp_path))
    assert missing.returncode == 2 and "Traceback" not in missing.stderr
    assert "skypile needs Java 17 or later" in missing.stderr and "has no bin/java" in missing.stderr.replace("\n", " ")

    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    old.chmod(0o755)
    assert "is version 11" in skypile(*run, JAVA_HOME=str(tmp_path)).stderr.replace("\n", " ")


@pytest.mark.parametrize(("printed", "major"), [('version "21.0.1"', 21), ('version "17" 2021', 17)])
def test_new_javas_pass(tmp_path, monkeypatch, printed, major):
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho 'openjdk {printed}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert session.check_java() == major


def test_commands_that_only_read_load_no_spark():
    """Nor what costs every other command half a second."""
    heavy = ("pyspark", "numba", "pandas", "jinja2")
    program = (
        f"import sys, skypile.cli, skypile.run_folder.ledger; print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_command_says_what_it_does():
    done = skypile("--help")
    for command in ("run", "demo", "sample", "why", "status", "report", "config"):
        assert f"│ {command} " in done.stdout


def test_the_version_in_both_spellings():
    for spelling in ("--version", "version"):
        done = skypile(spelling)
        assert done.returncode == 0 and done.stdout.startswith("skypile ") and done.stdout.count("\n") == 1


def test_the_shell_is_told_how_a_command_ends():
    program = "import sys; sys.argv = ['skypile']; from skypile.cli import main; main()"
    asked = {"_SKYPILE_COMPLETE": "complete_bash", "COMP_WORDS": "skypile st", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["status"]

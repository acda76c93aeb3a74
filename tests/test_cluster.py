"""Every job, submitted to a standalone master with two workers, in the environment `make package` packs.

Run by `make cluster-test` alone: it needs the packed environment and takes minutes. The workers' Python has
neither this repository nor its virtual environment on its path, so what runs there is what was shipped.
"""

import itertools
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest

from skypile.sample import write_sample
from skypile.schema import STAGES
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.cluster

ENVIRONMENT = REPOSITORY / "dist" / "skypile-environment.tar.gz"
SPARK_HOME = Path(pyspark.__file__).parent
START_SECONDS = 120


@pytest.fixture(scope="module")
def master(tmp_path_factory) -> Iterator[str]:
    """URL of a standalone master with two registered workers of one core each."""
    folder = tmp_path_factory.mktemp("cluster")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYSPARK", "SPARK", "VIRTUAL"))}
    environment |= {"SPARK_HOME": str(SPARK_HOME), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_NO_DAEMONIZE": "1"}

    def launch(name: str, *arguments: str) -> tuple[subprocess.Popen[bytes], Path]:
        log = folder / f"{name}.log"
        command = [str(SPARK_HOME / "bin" / "spark-class"), *arguments]
        return subprocess.Popen(
            command, stdout=log.open("wb"), stderr=subprocess.STDOUT, env=environment, cwd=folder
        ), log

    processes = []
    try:
        deploy = "org.apache.spark.deploy"
        process, log = launch(
            "master", f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", "0", "--webui-port", "0"
        )
        processes.append(process)
        url = awaited(log, process, r"(spark://127\.0\.0\.1:\d+)")
        for number in (1, 2):
            limits = ("-c", "1", "-m", "2g", "-d", str(folder / f"work{number}"), "--webui-port", "0")
            process, worker_log = launch(
                f"worker{number}", f"{deploy}.worker.Worker", "--host", "127.0.0.1", *limits, url
            )
            processes.append(process)
            awaited(worker_log, process, r"(Successfully registered)")
        yield url
    finally:
        for process in processes:
            process.kill()
            process.wait()


def awaited(log: Path, process: subprocess.Popen[bytes], pattern: str) -> str:
    """The first match in a log that is still being written."""
    for _ in range(START_SECONDS * 10):
        if found := re.search(pattern, log.read_text(errors="replace")):
            return found[1]
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        time.sleep(0.1)
    raise AssertionError(f"no {pattern!r} within {START_SECONDS} s:\n{log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="module")
def submitted(master, tmp_path_factory) -> Path:
    """A run folder that every job has written its stage to."""
    if not ENVIRONMENT.exists():
        pytest.skip(f"no {ENVIRONMENT.relative_to(REPOSITORY)}: `make cluster-test` packs it first")
    folder = tmp_path_factory.mktemp("submitted")
    sample = write_sample(folder / "sample")
    config = folder / "config.toml"
    config.write_text(f"[extraction]\nsplit_mb = 1\n[quality_filter]\nwikipedia = [{sample['wikipedia']!r}]\n")
    for stage in STAGES:
        submit(
            master,
            stage,
            "--config",
            str(config),
            "--output",
            str(folder / "run"),
            *([sample["crawl"]] * (stage == STAGES[0])),
        )
    return folder


def submit(master: str, stage: str, *arguments: str) -> None:
    """What docs/cluster.md says: spark-submit with the packed environment as an archive."""
    command = [
        str(SPARK_HOME / "bin" / "spark-submit"),
        *("--master", master, "--archives", f"{ENVIRONMENT}#environment"),
        *("--conf", "spark.pyspark.python=./environment/bin/python", "--conf", "spark.pyspark.driver.python=python"),
        *("--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.cores.max=2", "--executor-memory", "1g"),
        str(REPOSITORY / "jobs" / f"{stage}.py"),
        *arguments,
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYSPARK", "SPARK"))}
    environment |= {"SPARK_LOCAL_IP": "127.0.0.1", "PATH": f"{REPOSITORY}/.venv/bin:{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/", check=False, timeout=900)
    messages = [line for line in done.stderr.splitlines() if " INFO " not in line and not line.startswith("\tat ")]
    assert done.returncode == 0, "\n".join(messages)[-6000:]


def test_every_stage_is_written(submitted):
    manifests = [
        json.loads((submitted / "run" / f"{number:02d}_{stage}" / "manifest.json").read_text())
        for number, stage in enumerate(STAGES, 1)
    ]
    assert manifests[0]["read"] > 900
    for before, after in itertools.pairwise(manifests):
        assert after["read"] == before["kept"]
    assert manifests[-1]["kept"] > 300


def test_two_workers_decide_as_one_machine_does(spark, submitted, tmp_path):
    from rich.console import Console

    from skypile import config, pipeline

    manifests = pipeline.run(
        spark,
        [str(submitted / "sample" / "crawl")],
        str(tmp_path),
        config.load(submitted / "config.toml"),
        Console(quiet=True),
    )
    for number, local in enumerate(manifests, 1):
        path = submitted / "run" / f"{number:02d}_{local['stage']}" / "manifest.json"
        assert json.loads(path.read_text())["digest"] == local["digest"], local["stage"]

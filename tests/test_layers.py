"""Imports point one way, and nothing a page-level function needs drags in Spark."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# folder or module -> what it must not import
FORBIDDEN = {
    "skypile/schema.py": ("pyspark", "skypile.config", "skypile.crawl", "skypile.text", "skypile.stages"),
    "skypile/verdict.py": ("pyspark", "skypile", "pyarrow"),
    "skypile/config.py": ("pyspark", "skypile.stages", "skypile.crawl", "skypile.text"),
    "skypile/text": (
        "pyspark",
        "skypile.stages",
        "skypile.run_folder.storage",
        "skypile.runtime.session",
        "skypile.pipeline",
    ),
    "skypile/crawl": (
        "pyspark",
        "skypile.stages",
        "skypile.run_folder.storage",
        "skypile.runtime.session",
        "skypile.pipeline",
    ),
    "skypile/tokens": (
        "pyspark",
        "skypile.stages",
        "skypile.run_folder.storage",
        "skypile.runtime.session",
        "skypile.pipeline",
    ),
    "skypile/stages": ("skypile.pipeline", "skypile.cli", "skypile.job", "skypile.report", "jobs"),
    "skypile/report": ("pyspark", "skypile.stages", "skypile.pipeline"),
    "classifiers": ("skypile.stages", "skypile.pipeline", "skypile.cli"),
    "skypile": ("jobs", "notebooks", "tests", "benchmarks"),
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("place", FORBIDDEN)
def test_imports_point_one_way(place):
    root = REPOSITORY / place
    files = [root] if root.is_file() else sorted(root.rglob("*.py"))
    assert files, f"{place} is gone: take it out of FORBIDDEN"
    breaches = [
        f"{path.relative_to(REPOSITORY)} imports {name}"
        for path in files
        for name in sorted(imports(path))
        if any(name == bad or name.startswith(bad + ".") for bad in FORBIDDEN[place])
    ]
    assert not breaches


def test_only_the_session_module_builds_a_session():
    builders = [
        str(path.relative_to(REPOSITORY))
        for folder in ("skypile", "jobs", "classifiers")
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        if "SparkSession.builder" in path.read_text(encoding="utf-8")
    ]
    assert builders == ["skypile/runtime/session.py"]


def test_the_sandboxed_page_function_loads_no_spark():
    """Its process is started anew after every crash: pyspark alone would double that time."""
    shown = "[m for m in sys.modules if m.split('.')[0] in ('pyspark', 'torch')]"
    program = f"import sys, skypile.extraction.page; print({shown})"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_job_has_the_name_of_a_standard_module():
    """spark-submit puts jobs/ first on the path: a jobs/tokenize.py there broke every job's imports."""
    names = {path.stem for path in (REPOSITORY / "jobs").glob("*.py")}
    assert names and not names & set(sys.stdlib_module_names)

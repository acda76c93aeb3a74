"""The house stands on its floors: imports point down, in no circle, and what needs no Spark loads none."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# From the ground up. A room imports from the floors below its own and from itself; rooms of one floor do not know
# each other. The longest name that fits a module is its room.
FLOORS = (
    ("skypile.verdict", "skypile.errors", "skypile.version"),
    ("skypile.schema", "skypile.config"),
    ("skypile.text", "skypile.runtime", "skypile.distribution.quantized"),
    ("skypile.run_folder", "skypile.crawl", "skypile.failures", "skypile.distribution.embedding_model"),
    ("skypile.distribution.embedding",),
    ("skypile.classifiers", "skypile.proxy.ngram"),
    (
        "skypile.extraction",
        "skypile.distribution",
        "skypile.dedup",
        "skypile.quality",
        "skypile.shards",
        "skypile.tokens",
    ),
    ("skypile.recurrence",),
    ("skypile.mixture", "skypile.parallel", "skypile.code"),
    ("skypile.proxy",),
    (
        "skypile.report",
        "skypile.sample",
        "skypile.decontamination",
        "skypile.preflight",
        "skypile.classifiers.extraction",
    ),
    ("skypile.plans", "skypile.leakage", "skypile.classifiers.judges"),
    ("skypile.pipeline", "skypile.dry_run"),
    ("skypile.runs",),
    ("skypile.decide", "skypile.job", "skypile.prepare", "skypile.stages", "skypile.takedown", "skypile.whole_run"),
    ("skypile.api",),
    ("skypile.cli", "skypile", "jobs"),
    ("skypile.command",),
)

# What knows Spark: a stage's DataFrame function, and files or folders whose name says so.
KNOWS_SPARK = (
    "skypile.runtime.session",
    "skypile.runtime.jvm",
    "skypile.runtime.map_arrow",
    "skypile.run_folder.storage",
    "skypile.run_folder.attach",
    "skypile.extraction.stage",
    "skypile.distribution.stage",
    "skypile.distribution.semantic_in_spark",
    "skypile.distribution.recurring_blocks_in_spark",
    "skypile.dedup.stage",
    "skypile.dedup.distributed",
    "skypile.dedup.files_in_spark",
    "skypile.decontamination.stage",
    "skypile.decontamination.files_in_spark",
    "skypile.quality.stage",
    "skypile.decide",
    "skypile.recurrence.in_spark",
    "skypile.shards",
    "skypile.tokens.stage",
    "skypile.classifiers.cited_in_spark",
    "skypile.classifiers.dataset",
    "skypile.classifiers.examples",
    "skypile.classifiers.in_run",
    "skypile.classifiers.training_set",
    "skypile.pipeline",
    "skypile.job",
    "skypile.prepare",
    "skypile.stages",
    "skypile.whole_run",
    "skypile.api",
    "jobs",
)

# What is imported where the extra [models] is installed, and nowhere else.
KNOWS_TORCH = (
    "skypile.proxy.head_loss",
    "skypile.proxy.model",
    "skypile.proxy.training",
    "skypile.proxy.checkpoint",
    "skypile.proxy.curve",
    "skypile.proxy.dose",
    "skypile.proxy.folder",
    "skypile.proxy.scoring",
    "skypile.proxy.transformer_pairs",
)


def below(name: str, place: str) -> bool:
    return name == place or name.startswith(place + ".")


@functools.cache
def modules() -> dict[str, Path]:
    """Every module of the product, by name."""
    found = {}
    for folder, package in (("skypile", "skypile"), ("classifiers", "skypile.classifiers"), ("jobs", "jobs")):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if not any(parent.is_symlink() for parent in path.parents):  # classifiers and jobs, as the wheel has them
                name = [package, *path.relative_to(REPOSITORY / folder).with_suffix("").parts]
                found[".".join(name).removesuffix(".__init__")] = path
    return found


def imports(path: Path, typing: bool = True) -> set[str]:
    """Modules that a file imports, inside functions too; `typing`: also those that only type checkers see."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen: set[ast.AST] = set()
    if not typing:
        guards = (
            node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        )
        unseen = {inner for guard in guards for statement in guard.body for inner in ast.walk(statement)}
    found = set()
    for node in ast.walk(tree):
        if node in unseen:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules() else node.module for name in whole}
    return found


def floor(module: str) -> tuple[str, int]:
    """A module's room, and the number of its floor."""
    places = [(room, number) for number, rooms in enumerate(FLOORS) for room in rooms]
    rooms = [(room, number) for room, number in places if module == room or (room != "skypile" and below(module, room))]
    assert rooms, f"{module} lies on no floor: name its room in FLOORS"
    return max(rooms, key=lambda room: len(room[0]))


def test_imports_point_down():
    breaches = []
    for module, path in modules().items():
        room, number = floor(module)
        for name in sorted(imports(path)):
            if name not in modules():
                continue
            other, lower = floor(name)
            if other != room and lower >= number:
                breaches.append(f"{module} imports {name}, which lies no floor below it")
    assert not breaches


def test_no_module_reaches_itself():
    """Even by an import inside a function or for types: whoever reads a circle reads all of it."""
    graph = {module: {name for name in imports(path) if name in modules()} for module, path in modules().items()}
    grounded: set[str] = set()
    while free := {module for module, needed in graph.items() if module not in grounded and needed <= grounded}:
        grounded |= free
    assert sorted(set(graph) - grounded) == []


def test_only_what_says_so_knows_spark():
    knowing = [
        module
        for module, path in modules().items()
        if any(below(name, "pyspark") for name in imports(path, typing=False))
        and not any(below(module, place) for place in KNOWS_SPARK)
    ]
    assert not knowing


def test_only_the_proxy_imports_torch_with_itself():
    """Elsewhere a function does, when it is asked for a GPU: the core install has no PyTorch."""
    extra = ("torch", "transformers", "safetensors", "sentence_transformers")
    for module, path in modules().items():
        if module in KNOWS_TORCH:
            continue
        statements = ast.parse(path.read_text(encoding="utf-8")).body
        whole = {alias.name for node in statements if isinstance(node, ast.Import) for alias in node.names}
        whole |= {node.module for node in statements if isinstance(node, ast.ImportFrom) and node.module}
        assert not [name for name in whole if any(below(name, place) for place in (*extra, *KNOWS_TORCH))], module


@pytest.mark.parametrize("folder", ["skypile", "classifiers"])
def test_the_product_does_not_import_what_stands_around_it(folder):
    around = ("jobs", "notebooks", "tests", "benchmarks")
    for path in sorted((REPOSITORY / folder).rglob("*.py")):
        found = [name for name in imports(path) if any(below(name, place) for place in around)]
        assert not found, path


def test_files_can_be_read_in_one_sitting():
    long = [
        f"{path.relative_to(REPOSITORY)}: {lines} lines"
        for folder in ("skypile", "classifiers", "jobs", "benchmarks", "tests")
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    ]
    assert not long


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

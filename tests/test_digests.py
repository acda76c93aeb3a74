"""The same digests wherever the crawl lies, whoever runs it in however many pieces, and on whatever processor."""

from pathlib import Path

import pytest

from benchmarks.digests import IN_SPARK, OLD_PROCESSOR, Way, digest_of, digests, pieces, single
from skypile import config
from skypile.schema import STAGES


@pytest.mark.slow
def test_elsewhere_in_spark_in_seven_partitions_on_another_processor(demo, tmp_path: Path) -> None:
    """All at once, for its time; `python -m benchmarks.digests` tells what it was."""
    ours = config.load(demo.run / "config.toml").model_dump(mode="json", exclude_none=True)
    # Not Numba's: to compile all of it again would take a minute.
    old = {name: value for name, value in OLD_PROCESSOR.items() if not name.startswith("NUMBA_")}
    way = Way(single, {"spark": pieces(7)["spark"] | IN_SPARK["spark"]}, old)
    found = digests([str(demo.folder / "sample" / "crawl")], way, tmp_path / "other", ours)
    assert found == {stage: digest_of(demo.run, stage) for stage in STAGES}

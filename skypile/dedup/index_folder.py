"""Whether the index of a corpus is there, asked before anything else is done. No Spark needed."""

from skypile.config import DedupConfig
from skypile.errors import SkypileError
from skypile.runtime import files


class IndexMissing(SkypileError):
    """There is no index in the folder that was named."""


def check_index_there(config: DedupConfig) -> None:
    """IndexMissing if documents are to be compared with an index that does not exist, unless this run begins it."""
    if not config.enabled or not config.against or config.update_index:
        return
    if not files.exists(files.join(config.against, "index.json")):
        what = "holds no index (no index.json)" if files.exists(config.against) else "does not exist"
        raise IndexMissing(
            f"the index {config.against} {what}: give the folder of one, or --update-index (dedup.update_index) to "
            "begin it"
        )

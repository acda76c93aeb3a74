"""On how many hosts the paragraphs of a page stand."""

from pyspark.sql import SparkSession

from skypile.config import DedupConfig
from skypile.dedup.distributed.recurring import recurring_paragraphs
from skypile.dedup.paragraphs import most_hosts
from tests.dedup.test_paragraphs import NOTICE, body, counted, site


def test_hosts_are_counted_of_long_paragraphs_at_the_edge_alone(spark: SparkSession) -> None:
    rows = [{"host": f"h{n % 3}.com", "text": f"Conclusion\n\n{body(n)}"} for n in range(6)]
    rows[4]["text"] += f"\n\n{NOTICE}"
    rows[5]["text"] += f"\n\n{NOTICE}"
    rows += site(["\n\n".join([*(body(50 + n) for n in range(12)), NOTICE, *(body(70 + n) for n in range(12))])])
    recurring = recurring_paragraphs(counted(spark, rows), DedupConfig())
    assert most_hosts([row["text"] for row in rows], recurring).tolist() == [1, 1, 1, 1, 2, 2, 1]
    odd = ["", NOTICE, f" \n \n{NOTICE}\n\t\n\nx", f"x\r\n\r\n {NOTICE} "]
    assert most_hosts(odd, recurring).tolist() == [1, 2, 2, 2]
    assert most_hosts(odd, recurring._replace(shared=recurring.shared[:0])).tolist() == [1, 1, 1, 1]

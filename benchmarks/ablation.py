"""Is what `skypile ablate` says true? Damage that must be found, and comparisons without an effect.

    python -m benchmarks.ablation RUN [--validation FILE...] [--draws 200] [--proxy 1m]

*Damage*: 5 % of the words of every text change places within it, in the corpus after; coupled, and as other seeds and
documents would have it. *A/A*: a random tenth of the units, other ones in each draw, is in the corpus before alone, and
another tenth in the one after alone; p below 0.05 is a false alarm. Pages of held-out hosts are validated on, and the
files that are given.
"""

import argparse
import random
import re
import time
from collections.abc import Iterable, Iterator

from scipy import stats

from skypile.config import DedupConfig
from skypile.proxy.comparison import Finding, MakeProxy, Plan, compare_corpora
from skypile.proxy.corpora import Document, documents
from skypile.proxy.held_out import held_out_sets, is_held_out, screen, screened
from skypile.proxy.pairs import ngram_proxy
from skypile.proxy.treatments import Treatment
from skypile.proxy.validation import Validation, validation_sets
from skypile.tokens.encoder import Encoder

WORD = re.compile(r"[一-鿿]|[^\W\d_一-鿿]+")
HELD_OUT = 0.1


def permuted(text: str, share: float, seed: str) -> str:
    """`share` of the words of a text, each Chinese character one, in other places of it."""
    words = list(WORD.finditer(text))
    drawn = random.Random(seed)
    chosen = sorted(drawn.sample(range(len(words)), round(share * len(words))))
    moved = chosen.copy()
    drawn.shuffle(moved)
    parts, at = [], 0
    for place, source in zip(chosen, moved, strict=True):
        parts += [text[at : words[place].start()], words[source][0]]
        at = words[place].end()
    return "".join([*parts, text[at:]])


def damaged(corpus: Iterable[Document], share: float) -> Iterator[Document]:
    for document in corpus:
        yield document._replace(after=permuted(document.before or "", share, document.record_id))


def exchanged(corpus: Iterable[Document], draw: int, share: float = 0.1) -> Iterator[Document]:
    """A/A: which documents are in one corpus alone is drawn, not decided."""
    for document in corpus:
        place = random.Random(f"{draw} {document.record_id}").random()
        before = None if place < share else document.before
        after = None if share <= place < 2 * share else document.before
        yield document._replace(before=before, after=after)


def shown(title: str, found: Finding, seconds: float) -> None:
    for row in found.rows:
        one = row.comparison
        print(
            f"{title:<34} {row.domain:>16} {row.language}  {one.mean:+.5f} [{one.low:+.5f}, {one.high:+.5f}]  "
            f"sd {one.sd:.5f}  p {one.p:.2g}  any time {one.anytime_p:.2g}  {seconds:.1f} s"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--validation", nargs="*", default=[])
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--documents", type=int, default=900, help="in each A/A comparison, to be done sooner")
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--proxy", default="ngram", help="or a transformer: 1m (extra models)")
    parser.add_argument("--tokens", type=int, default=300_000, help="that a transformer sees")
    parser.add_argument("--characters", type=int, default=2000, help="read of each validation text")
    given = parser.parse_args()
    sets = validation_sets(given.validation, given.characters)
    sets += held_out_sets(given.run, HELD_OUT, 0, given.characters)
    marks = screen([text for one in sets for text in one.texts], DedupConfig())
    every = (d for d in documents(given.run, Treatment("as it is", "quality_filter"), []) if d.before is not None)
    corpus = list(screened((d for d in every if not is_held_out(d.host, HELD_OUT, 0)), marks, []))
    make: MakeProxy = ngram_proxy
    if given.proxy != "ngram":
        from skypile.proxy.transformer_pairs import transformer_proxy

        make = transformer_proxy(given.proxy, (3e-3,), given.tokens)
    encoder = Encoder.load()
    encoder.encode_batch([text for one in sets for text in one.texts])

    def compared(title: str, pages: Iterable[Document], plan: Plan, on: list[Validation]) -> Finding:
        return compare_corpora(title, pages, on, make, encoder, plan)

    print(f"{len(corpus):,} documents, {sum(len(d.before or '') for d in corpus):,} characters; {given.pairs} pairs")
    compare_corpora("what compiling takes", damaged(corpus[:200], 0.5), sets, ngram_proxy, encoder, Plan(2))
    for coupled in (True, False):
        began = time.perf_counter()
        found = compared("", damaged(corpus, 0.05), Plan(given.pairs, coupled=coupled), sets)
        shown(f"5 % of words permuted, {'coupled' if coupled else 'uncoupled'}", found, time.perf_counter() - began)
    alarms = [0] * len(sets)
    sequential = [0] * len(sets)
    corpus = sorted(corpus)[: given.documents]  # by record id, a hash
    for draw in range(given.draws):
        for at, row in enumerate(compared("", exchanged(corpus, draw), Plan(given.pairs, seed=draw), sets).rows):
            alarms[at] += row.comparison.p < 0.05
            sequential[at] += row.comparison.anytime_p < 0.05
    for one, alarm, early in zip(sets, alarms, sequential, strict=True) if given.draws else ():
        low, high = stats.binomtest(alarm, given.draws).proportion_ci(0.95)
        print(
            f"A/A {one.domain} {one.language}: p < 0.05 in {alarm} of {given.draws} ({low:.1%} to {high:.1%}); "
            f"at any time in {early}"
        )


if __name__ == "__main__":
    main()

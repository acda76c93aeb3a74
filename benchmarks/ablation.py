"""Is what `skypile ablate` says true? Damage that must be found, and comparisons without an effect.

    python -m benchmarks.ablation RUN [--validation FILE...] [--draws 200]
    python -m benchmarks.ablation RUN [--validation FILE...] --proxy 1m --draws 0
    python -m benchmarks.ablation RUN --proxy 1m --only-draws --draws 20 --rate 0.003 --tokens 40000 --pairs 3

*Damage*: 5 % of the words of every text change places within it, in the corpus after; coupled, and as other seeds and
documents would have it. *A/A*: a random tenth of the units, other ones in each draw, is in the corpus before alone, and
another tenth in the one after alone; p below 0.05 is a false alarm. Pages of held-out hosts are validated on, and the
files that are given. What is not given is as `skypile ablate` has it.
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


def shown(title: str, found: Finding, seconds: float, busy: float) -> None:
    for row in found.rows:
        one = row.comparison
        place = f"{row.domain:>16} {row.language} {row.rate or '':>6}"
        print(
            f"{title:<34} {place}  {one.mean:+.5f} [{one.low:+.5f}, {one.high:+.5f}]  "
            f"sd {one.sd:.5f}  p {one.p:.2g}  any time {one.anytime_p:.2g}  {seconds:.0f} s, {busy:.0f} of a core",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--validation", nargs="*", default=[])
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--documents", type=int, default=900, help="in each A/A comparison, to be done sooner")
    parser.add_argument("--only-draws", action="store_true", help="leave the damage out")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--proxy", default="ngram", help="or a transformer: 1m (extra models)")
    parser.add_argument("--tokens", type=int, help="that a transformer sees")
    parser.add_argument("--rate", type=float, nargs="*", help="of a transformer")
    parser.add_argument("--characters", type=int, help="read of each validation text")
    given = parser.parse_args()
    make: MakeProxy = ngram_proxy
    if given.proxy == "ngram":
        from skypile.proxy.pairs import CHARACTERS, PAIRS
    else:
        from skypile.proxy.transformer_pairs import CHARACTERS, PAIRS, TOKENS, transformer_proxy

        make = transformer_proxy(given.proxy, given.rate, given.tokens or TOKENS)
    given.pairs, given.characters = given.pairs or PAIRS, given.characters or CHARACTERS
    sets = validation_sets(given.validation, given.characters)
    sets += held_out_sets(given.run, HELD_OUT, 0, given.characters)
    marks = screen([text for one in sets for text in one.texts], DedupConfig())
    every = (d for d in documents(given.run, Treatment("as it is", "quality_filter"), []) if d.before is not None)
    corpus = list(screened((d for d in every if not is_held_out(d.host, HELD_OUT, 0)), marks, []))
    encoder = Encoder.load()
    encoder.encode_batch([text for one in sets for text in one.texts])

    def compared(title: str, pages: Iterable[Document], plan: Plan, on: list[Validation]) -> Finding:
        return compare_corpora(title, pages, on, make, encoder, plan)

    print(f"{len(corpus):,} documents, {sum(len(d.before or '') for d in corpus):,} characters; {given.pairs} pairs")
    compare_corpora("what compiling takes", damaged(corpus[:200], 0.5), sets, ngram_proxy, encoder, Plan(2))
    for coupled in () if given.only_draws else (True, False):
        began, busy = time.perf_counter(), time.process_time()
        found = compared("", damaged(corpus, 0.05), Plan(given.pairs, coupled=coupled), sets)
        taken = time.perf_counter() - began, time.process_time() - busy
        shown(f"5 % of words permuted, {'coupled' if coupled else 'uncoupled'}", found, *taken)
    counts: dict[tuple[str, str, float | None], list[tuple[float, float]]] = {}
    corpus = sorted(corpus)[: given.documents]  # by record id, a hash
    for draw in range(given.draws):
        for row in compared("", exchanged(corpus, draw), Plan(given.pairs, seed=draw), sets).rows:
            found_p = (row.comparison.p, row.comparison.anytime_p)
            counts.setdefault((row.domain, row.language, row.rate), []).append(found_p)
    for (domain, language, rate), values in counts.items():
        alarm, early = (sum(p < 0.05 for p in column) for column in zip(*values, strict=True))
        low, high = stats.binomtest(alarm, given.draws).proportion_ci(0.95)
        print(
            f"A/A {domain} {language} {rate or ''}: p < 0.05 in {alarm} of {given.draws} ({low:.1%} to {high:.1%}); "
            f"at any time in {early}"
        )


if __name__ == "__main__":
    main()

"""Rebuild the vocabulary that ships with the package; vocabulary/RECIPE.md says where the inputs come from.

    python -m skypile.tokens.default_vocabulary --base tokenizer.model.v1 --libime zh_CN.lm \\
        --sunpinyin lm_sc.txt --dictionary pydict_sc.bin --output skypile-65536.model

About 4 minutes of CPU time and 2.3 GB. The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from skypile.tokens.language_models import read_kenlm, read_sunpinyin
from skypile.tokens.piece_model import load_piece_model
from skypile.tokens.vocabulary_builder import (
    CHARACTERS,
    RESERVED,
    WORDS,
    build_vocabulary,
    national_standard_characters,
    reachable_words,
)
from skypile.tokens.weighted_text import HAN_WORD, mix_words, weigh_bigrams
from skypile.tokens.word_training import learn_words

# Shares of the sources. Tried: wordfreq 0 to 0.9 and either model alone, judged on Chinese web pages and
# crawl text (not on the text whose compression is reported). Without wordfreq's broad word list 2 % fewer
# characters a token, without libime's written Chinese 1.5 % fewer, without punctuation 4 % fewer; other
# shares around these change less than 0.5 %.
WORDFREQ_SHARE, LIBIME_SHARE, SUNPINYIN_SHARE = 0.6, 0.25, 0.15

# Words learnt beyond those wanted, for the few that turn out unreachable beside the base's pieces.
SPARE_WORDS = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="SentencePiece model of 32,000 pieces")
    parser.add_argument("--libime", required=True, help="zh_CN.lm of Debian's libime-data-language-model")
    parser.add_argument("--sunpinyin", required=True, help="what tslminfo -v -p prints of lm_sc.t3g")
    parser.add_argument("--dictionary", required=True, help="pydict_sc.bin of sunpinyin-data")
    parser.add_argument("--output", required=True, help="the .model file to write")
    given = parser.parse_args()

    import wordfreq

    general = wordfreq.get_frequency_dict("zh", wordlist="best")
    written, written_bigrams = read_kenlm(given.libime)
    forum, forum_bigrams = read_sunpinyin(given.sunpinyin, given.dictionary)
    words = mix_words([(general, WORDFREQ_SHARE), (written, LIBIME_SHARE), (forum, SUNPINYIN_SHARE)])
    models = LIBIME_SHARE + SUNPINYIN_SHARE
    weighted = weigh_bigrams(
        words, [(written_bigrams, LIBIME_SHARE / models), (forum_bigrams, SUNPINYIN_SHARE / models)]
    )
    learnt = learn_words(weighted, WORDS + SPARE_WORDS)
    characters = choose_characters(given.base, words)
    chosen = reachable_words(given.base, characters, learnt, WORDS)
    reserved = [f"<reserved_{number}>" for number in range(RESERVED)]
    Path(given.output).write_bytes(build_vocabulary(given.base, characters, chosen, reserved))


def choose_characters(base: str, words: Mapping[str, float]) -> list[str]:
    """The national standards' characters, then the commonest others of the word list, up to CHARACTERS."""
    have = set(load_piece_model(base).pieces)
    chosen = [char for char in national_standard_characters() if char not in have]
    counts: defaultdict[str, float] = defaultdict(float)
    for word, p in words.items():
        if HAN_WORD.fullmatch(word):
            for char in word:
                counts[char] += p
    others = sorted((c for c in counts if c not in have and c not in set(chosen)), key=lambda c: (-counts[c], c))
    return (chosen + others)[:CHARACTERS]


if __name__ == "__main__":
    main()

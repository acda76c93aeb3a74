"""Table [quality_filter] and those below it: language, rules, the citation classifier."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from skypile.config.settings import Count, Settings, Share


class RuleThresholds(Settings):
    """Bounds of the heuristics; what each measures stands in skypile.quality.rules.

    Gopher: Rae et al. 2021, table A1. FineWeb: Penedo et al. 2024. Where neither has a bound that carries
    over, it was set so that at most 1 % of clean Chinese articles, news and web articles in English are lost.
    """

    min_words: float = Field(50, ge=0, description="Gopher, FineWeb: 50 words; an ideograph is 1/1.6 words")
    min_letter_share: Share = Field(0.5, description="clean pages: 0.67 and more; tables of numbers: below")
    min_mean_word_length: float = Field(3.0, ge=0, description="Gopher: 3; English only")
    max_mean_word_length: float = Field(10.0, ge=0, description="Gopher: 10; English only")
    min_function_en: Share = Field(0.05, description="English prose: 0.15 and more; lists of names: below")
    min_function_zh: Share = Field(0.03, description="Chinese prose: 0.05 and more; wrongly decoded text: below")
    max_symbol_share: float = Field(0.1, ge=0, description="Gopher: 0.1 symbols a word")
    max_bullet_lines: Share = Field(0.9, description="Gopher: 0.9")
    max_ellipsis_lines: Share = Field(0.3, description="Gopher: 0.3")
    min_sentence_lines: Share = Field(0.12, description="FineWeb: 0.12")
    max_short_lines: Share = Field(0.5, description="FineWeb: 0.67 of the lines; here of the characters")
    max_repeated_lines: Share = Field(0.2, description="Gopher: 0.2 of the characters")
    max_repeated_ngrams: Share = Field(
        0.25, description="Gopher: 0.15 for 5-grams; documentation repeats itself more than that"
    )
    max_top_ngram: Share = Field(0.2, description="Gopher: 0.2 for 2-grams")
    max_bad_words: Share = Field(
        0.02, description="C4 drops at the first; that loses pages on medicine and minorities (Dodge et al. 2021)"
    )


class CitationConfig(Settings):
    """Training of the Wikipedia-citation classifier."""

    min_positives: Count = Field(20, description="fewer cited documents of a language: no classifier for it")
    min_hosts: Count = Field(3, description="fewer hosts among them: no classifier for it")
    max_documents: Count = Field(
        20_000, description="most documents of each label and language to train on; 12 KB of driver memory each"
    )
    max_host_share: Share = Field(0.2, description="largest share of one label that one host may have")
    weak_host_citations: int = Field(
        0, ge=0, description="hosts cited at least this often make all their pages positives; 0: none do"
    )
    epochs: Count = Field(10, description="fastText epochs")
    dimension: Count = Field(32, description="fastText vector size")
    learning_rate: float = Field(0.5, gt=0, description="fastText learning rate")
    buckets: Count = Field(200_000, description="fastText hash buckets for n-grams")
    held_out: Share = Field(0.2, description="share of the hosts kept out of training, for metrics and calibration")
    min_auc: Share = Field(0.6, description="a classifier that ranks held-out hosts worse than this is not used")
    seed: int = Field(0, description="seed of the sampling, the split and fastText")


class QualityFilterConfig(Settings):
    """Language, heuristics and the Wikipedia-citation classifier."""

    languages: tuple[str, ...] = Field(("en", "zh"), description="languages kept; empty: all")
    min_language_score: Share = Field(0.5, description="least share of the text in its language")
    rules: RuleThresholds = RuleThresholds()
    bad_words: str | None = Field(None, description="file of listed words, one a line, UTF-8; unset: not counted")
    classifier: str | None = Field(None, description="folder of a trained citation classifier")
    wikipedia: tuple[str, ...] = Field(
        (),
        description="Wikipedia dumps (pages-articles XML; bz2, gz or plain); their citations train the classifier",
    )
    citations: CitationConfig = CitationConfig()
    bins: int = Field(5, ge=1, le=100, description="quality bins of equal width over the citation score")
    min_bin: int = Field(1, ge=0, description="lowest bin kept; 0: the classifier drops nothing")

    # Known by their content, not by where they lie: see `skypile.pipeline`.
    undeciding: ClassVar[frozenset[str]] = frozenset({"bad_words", "classifier", "wikipedia"})

    @model_validator(mode="after")
    def lowest_bin_exists(self) -> Self:
        if self.min_bin >= self.bins:
            raise ValueError(f"min_bin {self.min_bin} drops everything: there are bins 0 to {self.bins - 1}")
        return self

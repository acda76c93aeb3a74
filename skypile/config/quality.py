"""Table [quality_filter] and those below it: language, rules, the citation classifier, perplexity."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from skypile.config.privacy import PrivacyConfig
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
    max_adult: Share = Field(0.002, description="2 explicit terms in 1,000 characters; skypile.quality.lexicon")
    max_gambling: Share = Field(0.002, description="the same of gambling; clean pages have 0 of both")
    max_adverts: Share = Field(0.003, description="the same of advertisements, whose terms are used by shops as well")
    max_blocked_host: Share = Field(0.0, description="1 keeps pages of blocked_hosts")


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


class PerplexityConfig(Settings):
    """Training of the perplexity models, one a language, on trusted texts."""

    min_trusted: Count = Field(100_000, description="characters of trusted text; fewer of a language: no model for it")
    max_trusted: Count = Field(
        5_000_000, description="most characters of a language, and of a file, to train on; 100 bytes of memory each"
    )


class QualityFilterConfig(Settings):
    """Language, heuristics, the Wikipedia-citation classifier and perplexity, and how they decide together."""

    languages: tuple[str, ...] = Field(("en", "zh"), description="languages kept; empty: all")
    min_language_score: Share = Field(0.5, description="least share of the text in its language")
    rules: RuleThresholds = RuleThresholds()
    privacy: PrivacyConfig = PrivacyConfig()
    bad_words: str | None = Field(None, description="file of listed words, one a line, UTF-8; unset: not counted")
    lexicon: str = Field(
        "built-in",
        description="TOML file of explicit, gambling and advertising terms with weights; empty: none are counted",
    )
    blocked_hosts: str | None = Field(
        None, description="file of hosts, one a line, UTF-8, dropped with all their subdomains; unset: none are"
    )
    classifier: str | None = Field(None, description="folder of a trained citation classifier")
    wikipedia: tuple[str, ...] = Field(
        (),
        description="Wikipedia dumps (pages-articles XML; bz2, gz or plain); their citations train the classifier",
    )
    citations: CitationConfig = CitationConfig()
    perplexity_model: str | None = Field(
        None, description="folder of perplexity models, or KenLM's LANGUAGE.arpa.bin with LANGUAGE.sp.model"
    )
    trusted: tuple[str, ...] = Field(
        (),
        description="texts that train the perplexity models: Wikipedia dumps; JSONL, Parquet, WET or .txt files",
    )
    perplexity: PerplexityConfig = PerplexityConfig()
    combine: Literal["citation", "max", "mean", "all"] = Field(
        "citation",
        description="who decides above the rules: the citation score alone; or the best, mean or worst (all must pass) "
        "of the ranks that the judges give a page among the run's",
    )
    bins: int = Field(
        5,
        ge=1,
        le=100,
        description="quality bins: of equal width over the citation score, else of equally many pages a language",
    )
    min_bin: int = Field(
        1,
        ge=0,
        description="lowest bin kept; 0: no judge but language and rules drops anything; where `combine` ranks and this "
        "is not set: three fifths of `bins`, so that the best two fifths of a language are kept",
    )
    high_share: Share = Field(0.3, description="share of a language's pages in tier high (CCNet's head: 0.3)")
    low_share: Share = Field(0.4, description="share of a language's pages in tier low (CCNet's tail: 0.4)")

    # Known by their content, not by where they lie: see `skypile.plans`.
    undeciding: ClassVar[frozenset[str]] = frozenset(
        {"bad_words", "lexicon", "blocked_hosts", "classifier", "wikipedia", "perplexity_model", "trusted"}
    )
    # Everything else decides on stored scores: these alone shape the scores themselves, or the texts.
    scoring: ClassVar[frozenset[str]] = frozenset({"citations", "perplexity", "privacy"})

    def lexicon_file(self) -> str | None:
        """The user's lexicon; None if it is the built-in one, or none."""
        return None if self.lexicon in ("", "built-in") else self.lexicon

    @model_validator(mode="before")
    @classmethod
    def ranks_keep_the_best_two_fifths(cls, given: Any) -> Any:
        """Chosen by `skypile ablate --shares` among 5, 10, 20, 40, 60, 80 and 100 % (docs/ablate.md)."""
        if isinstance(given, dict) and given.get("combine", "citation") != "citation" and "min_bin" not in given:
            bins = given.get("bins", 5)
            return given | {"min_bin": bins * 3 // 5} if isinstance(bins, int) else given
        return given

    @model_validator(mode="after")
    def lowest_bin_exists(self) -> Self:
        if self.min_bin >= self.bins:
            raise ValueError(f"min_bin {self.min_bin} drops everything: there are bins 0 to {self.bins - 1}")
        if self.high_share + self.low_share > 1:
            raise ValueError(
                f"high_share {self.high_share:g} and low_share {self.low_share:g} are more than all pages together"
            )
        return self

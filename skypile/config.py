"""Every setting of skypile: frozen, validated, one class per stage.

A run reads one TOML file whose tables carry the names of the fields of `Config`; what it leaves out takes
the defaults below. The whole config is stored beside the output, and each stage's manifest holds the
settings that shaped it, so that a stage is redone exactly when one of them changed.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from skypile.errors import SkypileError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    """Base of every table: unknown keys are refused, values never change after validation."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SparkConfig(Settings):
    """How Spark runs. Nothing here changes a decision."""

    master: str | None = Field(None, description="Spark master; unset: local[*] unless spark-submit names one")
    driver_memory: str = Field("2g", description="JVM heap of the driver (embedded: of everything)")
    shuffle_partitions: int = Field(0, ge=0, description="partitions after a shuffle; 0: 2 a core")
    conf: dict[str, str] = Field(default_factory=dict, description="further spark.* settings, passed through")
    # What the way without Spark holds in memory is 36 bytes a record; one of over 1 GB does not wait long for Spark.
    local_mb: int = Field(
        1024, ge=0, description="up to so many MB of input are extracted by this machine without Spark; 0: none are"
    )


class ExtractionConfig(Settings):
    """Reading the crawl and taking the main text out of each page."""

    engine: Literal["fast", "trafilatura", "resiliparse"] = Field("fast", description="extraction engine")
    languages: tuple[str, ...] = Field(("en", "zh"), description="languages the gate lets through; empty: no gate")
    min_characters: int = Field(100, ge=0, description="shortest main text kept; a Han character counts as 2")
    timeout_seconds: float = Field(20.0, gt=0, description="processor time per page; over it: failed")
    memory_mb: int = Field(2048, ge=256, description="address space of the process that extracts")
    max_record_bytes: int = Field(16 << 20, ge=1024, description="larger records fail unread")
    text_field: str = Field("text", description="JSONL/Parquet column with ready text")
    html_field: str = Field("html", description="JSONL/Parquet column with HTML")
    url_field: str = Field("url", description="JSONL/Parquet column with the URL")
    # 700 gzipped pages, a second of the fast engine. A task costs the JVM 50 ms besides: Hadoop's local file system
    # runs `chmod` for every file and folder it makes.
    split_mb: int = Field(16, ge=1, description="input bytes per Spark task, where the format can be split")
    wave_mb: float = Field(512, gt=0, description="input bytes per wave; a crash loses at most one wave")
    max_failed_share: Share = Field(
        0.5, description="a wave of 100 or more pages with more extraction failures than this stops the run"
    )


class DistributionFilterConfig(Settings):
    """Embed, cluster, thin what recurs."""

    enabled: bool = Field(True, description="off: every document is kept, unscored")
    model: str | None = Field(None, description="folder of a sentence-transformers model; unset: built-in table")
    characters: int = Field(2000, ge=100, description="leading characters of a document that are embedded")
    clusters: int = Field(
        0,
        ge=0,
        description="number of centroids; 0: sqrt of the documents, 8 to 4096; those of one template are merged",
    )
    sample: Count = Field(65536, description="documents the centroids are trained on")
    iterations: Count = Field(20, description="k-means iterations")
    core_similarity: Share = Field(
        0.85, description="documents at least this close to their centroid form its dense core"
    )
    budget_share: Share = Field(0.01, description="largest share of all documents one dense core may keep")
    budget_min: Count = Field(50, description="a dense core of up to this many documents is never thinned")
    seed: int = Field(0, description="seed of the k-means initialisation and the thinning")


SurvivorRule = Literal["longest", "best_quality", "earliest", "smallest_id"]


class DedupConfig(Settings):
    """Exact and near duplicates: how they are found and which copy stays."""

    enabled: bool = Field(True, description="off: every document is kept")
    word_shingle: int = Field(5, ge=1, le=64, description="words in a shingle that starts with a word")
    character_shingle: int = Field(
        5, ge=1, le=64, description="characters in a shingle that starts with a Han character"
    )
    permutations: int = Field(128, ge=1, le=4096, description="length of a MinHash signature")
    # 21 x 6 finds 99.8 % of the pairs at Jaccard 0.8 (14 x 8, the usual choice: 92 %). Verification makes the wider
    # net cheap: it costs a comparison for 28 % of the pairs at 0.5, and nothing is dropped on a guess.
    bands: int = Field(21, ge=1, description="LSH bands; more bands find more")
    rows: int = Field(6, ge=1, description="rows in a band; more rows look at fewer pairs")
    seed: int = Field(1, ge=0, le=2**32 - 1, description="seed of the permutations (datasketch's `seed`)")
    jaccard_threshold: float = Field(0.8, gt=0, le=1, description="near_duplicate: similarity at least this")
    containment_threshold: float | None = Field(
        0.95, gt=0, le=1, description="contained: this share of the page's shingles lies in the survivor; null: off"
    )
    survivor: SurvivorRule = Field("longest", description="which copy stays; ties go to the smallest record_id")
    quality_column: str = Field("citation_score", description="column that survivor = best_quality reads")
    time_column: str = Field("date", description="column that survivor = earliest reads")
    collapse_urls: bool = Field(True, description="drop all but one record of a canonical URL")
    # 16 was chosen so that a full bucket costs at most 7.5 comparisons a member.
    bucket_limit: int = Field(16, ge=2, le=1024, description="buckets up to this size are compared all with all")
    mega_rounds: int = Field(3, ge=0, le=32, description="extra passes over what is left in larger buckets")
    max_shingles: int = Field(
        20_000, ge=100, description="larger documents are compared on a sample of so many shingles (error 0.003)"
    )
    local_documents: int = Field(
        200_000, ge=0, description="up to so many are decided in one task, files without Spark (1 KB and shingles each)"
    )
    local_edges: int = Field(
        20_000_000, ge=0, description="above so many confirmed edges, components are found by distributed rounds"
    )
    against: str | None = Field(None, description="folder of an index: what matches the corpus in it is dropped")
    update_index: bool = Field(False, description="add the documents to the index of `against`; creates it if absent")
    boilerplate_host_pages: int = Field(
        10, ge=0, description="a paragraph on so many pages of one host is cut from that host's pages; 0: off"
    )
    boilerplate_hosts: int = Field(5, ge=0, description="a paragraph on so many hosts is cut from all pages; 0: off")
    boilerplate_share: Share = Field(0.5, description="a page of which more than this is cut is dropped")
    boilerplate_most: Count = Field(
        2_000_000, description="so many recurring paragraphs, the commonest, are cut (24 bytes each in a worker)"
    )

    @property
    def survivor_column(self) -> str | None:
        """The column that the survivor rule reads, if it is neither the text nor the id."""
        return {"best_quality": self.quality_column, "earliest": self.time_column}.get(self.survivor)

    @model_validator(mode="after")
    def bands_fit(self) -> Self:
        if self.bands * self.rows > self.permutations:
            raise ValueError(
                f"bands x rows must not exceed permutations: {self.bands} x {self.rows} = {self.bands * self.rows} > "
                f"{self.permutations}; raise permutations or lower bands"
            )
        if self.update_index and not self.against:
            raise ValueError("update_index is on but against names no index; set dedup.against to the index's folder")
        return self


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
        description="Wikipedia dumps (pages-articles XML, .bz2 or plain); their citations train the classifier",
    )
    citations: CitationConfig = CitationConfig()
    bins: int = Field(5, ge=1, le=100, description="quality bins of equal width over the citation score")
    min_bin: int = Field(1, ge=0, description="lowest bin kept; 0: the classifier drops nothing")

    @model_validator(mode="after")
    def lowest_bin_exists(self) -> Self:
        if self.min_bin >= self.bins:
            raise ValueError(f"min_bin {self.min_bin} drops everything: there are bins 0 to {self.bins - 1}")
        return self


class ShardsConfig(Settings):
    """The Parquet shards that training reads."""

    shard_mb: Count = Field(256, description="text bytes per shard, before compression")
    compression_level: int = Field(9, ge=1, le=22, description="zstd level")


class Config(Settings):
    """One run."""

    spark: SparkConfig = SparkConfig()
    extraction: ExtractionConfig = ExtractionConfig()
    distribution_filter: DistributionFilterConfig = DistributionFilterConfig()
    dedup: DedupConfig = DedupConfig()
    quality_filter: QualityFilterConfig = QualityFilterConfig()
    shards: ShardsConfig = ShardsConfig()

    @model_validator(mode="after")
    def gate_lets_wanted_languages_through(self) -> Self:
        gate, wanted = set(self.extraction.languages), set(self.quality_filter.languages)
        if gate and not wanted <= gate:
            raise ValueError(
                f"quality_filter.languages {sorted(wanted)} has languages that extraction.languages "
                f"{sorted(gate)} gates out; add {sorted(wanted - gate)} to extraction.languages"
            )
        return self


class ConfigError(SkypileError):
    """The config file is unreadable or invalid; the message names key, value and rule."""


def parse(table: dict[str, Any], origin: str = "config") -> Config:
    """Validate a nested dict of settings; `origin` names it in errors."""
    try:
        return Config.model_validate(table)
    except ValidationError as error:
        lines = [f"{origin}: {error.error_count()} setting(s) refused"]
        for item in error.errors():
            key = ".".join(str(part) for part in item["loc"]) or "(whole)"
            lines.append(f"  {key} = {item['input']!r}: {item['msg']}{_slip(key, item['type'])}")
        raise ConfigError("\n".join(lines)) from None


def load(path: str | Path | None) -> Config:
    """Read a TOML config file; without one, the defaults."""
    if path is None:
        return Config()
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no config file {path}; configs/ in the repository holds examples") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no valid TOML: {error}") from None
    return parse(table, str(path))


def dumps(config: Config) -> str:
    """The config as TOML; unset (None) values are left out. `parse(tomllib.loads(dumps(c))) == c`."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def _slip(key: str, kind: str) -> str:
    """The likely slip behind an unknown key: a field of another table, or a misspelt one."""
    if kind != "extra_forbidden":
        return ""
    import difflib

    *tables, name = key.split(".")
    owner: type[BaseModel] = Config
    for table in tables:
        owner = owner.model_fields[table].annotation  # type: ignore[assignment]
    homes = [
        f"{table}.{name}"
        for table, field in Config.model_fields.items()
        if name in getattr(field.annotation, "model_fields", {})
    ]
    near = homes or difflib.get_close_matches(name, owner.model_fields, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(owner.model_fields)}"

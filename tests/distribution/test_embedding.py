"""The built-in embedder: does it understand both languages, and is it the same everywhere?"""

import json
import sys
import types
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.config import DistributionFilterConfig
from skypile.distribution import centroids, embedding
from skypile.distribution.embedding import StaticEmbedder, load
from skypile.distribution.embedding_model import SentenceTransformerEmbedder
from skypile.distribution.quantized import quantize

PAIRS = [
    ("The cat sleeps on the sofa.", "猫在沙发上睡觉。"),
    ("The government raised the tax on cigarettes.", "政府提高了香烟税。"),
    ("She studies physics at the university.", "她在大学学习物理。"),
    ("Heavy rain caused floods in the city.", "大雨导致城市发生洪水。"),
    ("The football team won the match.", "足球队赢得了比赛。"),
    ("Install the software on your computer.", "在电脑上安装软件。"),
    ("The doctor treated the patient in hospital.", "医生在医院治疗病人。"),
    ("Share prices fell sharply on Monday.", "周一股票价格大幅下跌。"),
]


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    left, right = left.astype(float), right.astype(float)
    return left @ right.T / np.outer(np.linalg.norm(left, axis=1), np.linalg.norm(right, axis=1))


def test_translations_are_closer_than_anything_else() -> None:
    table = cosines(load().encode([en for en, _ in PAIRS]), load().encode([zh for _, zh in PAIRS]))
    assert table.argmax(axis=0).tolist() == table.argmax(axis=1).tolist() == list(range(len(PAIRS)))
    others = table[~np.eye(len(PAIRS), dtype=bool)]
    assert np.diag(table).min() > others.max()


def test_topics_of_real_news_fall_into_clusters(shared_data: Path) -> None:
    news = pq.read_table(shared_data / "dedup" / "bbc.parquet").to_pydict()
    topics = np.unique(news["topic"], return_inverse=True)[1]
    vectors = load().encode([text[:2000] for text in news["text"]])
    cluster, _ = centroids.assign(vectors, centroids.train(vectors, 47, 14, 20, seed=0))

    def purity(labels: np.ndarray) -> float:
        return sum(np.bincount(labels[cluster == c]).max() for c in set(cluster.tolist())) / len(labels)

    assert purity(topics) > 0.9  # 0.93 when written; chance, next line, gives 0.3
    assert purity(np.random.default_rng(0).permutation(topics)) < 0.4


def test_halves_of_real_chinese_articles_find_each_other(shared_data: Path) -> None:
    lines = (shared_data / "quality" / "zh_clean.jsonl").read_text("utf-8").splitlines()
    texts = [text for text in (json.loads(line)["text"] for line in lines) if len(text) > 1000]
    table = cosines(load().encode([t[:500] for t in texts]), load().encode([t[500:1000] for t in texts]))
    assert len(texts) > 100
    found = (table.argmax(axis=1) == np.arange(len(texts))).mean()
    assert found > 0.7, found  # by chance 0.006


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Trains to Beijing: 北京的火车", ["trains", "to", "beijing", "北京", "的", "火车"]),
        ("CAFÉ naïve ｗｅｂ", ["cafe", "naive", "web"]),
        ("臺灣大學的電腦", ["台湾", "大学", "的", "电脑"]),
        ("don't", ["don"]),
        ("the𝒳the", ["the", "the"]),  # beyond the basic plane: separates
        ("xqzzvk 12.5 %", []),
        ("これは", []),
        ("", []),
    ],
)
def test_words_are_folded_and_found_longest_first(text: str, words: list[str]) -> None:
    assert load().tokenize(text) == words  # type: ignore[attr-defined]


def longest_match(embedder: StaticEmbedder, text: str) -> list[str]:
    """The same tokens by plain string operations."""
    known = set(embedder.words)
    folded = "".join(chr(max(embedder.fold[ord(c)], 32)) if ord(c) < 1 << 16 else " " for c in text)
    found, i = [], 0
    while i < len(folded):
        if folded[i] == " ":
            i += 1
        elif folded[i].isascii():
            j = i
            while j < len(folded) and "a" <= folded[j] <= "z":
                j += 1
            found += [folded[i:j]] if folded[i:j] in known else []
            i = j
        else:
            for size in range(embedding.MAX_HAN, 0, -1):
                word = folded[i : i + size]
                if word in known:
                    found.append(word)
                    break
            i += len(found[-1]) if word in known else 1
    return found


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from("the cat一二三中国人民大学电脑臺灣，。 é１9𝒳\n的了不"), max_size=60))
def test_kernel_equals_plain_longest_match(text: str) -> None:
    embedder = load()
    assert isinstance(embedder, StaticEmbedder)
    assert embedder.tokenize(text) == longest_match(embedder, text)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text(st.characters(), max_size=50), max_size=5))
def test_any_text_embeds_the_same_alone_and_in_a_batch(texts: list[str]) -> None:
    together = load().encode(texts)
    assert together.shape == (len(texts), load().dim) and together.dtype == np.int8
    for text, vector in zip(texts, together, strict=True):
        assert np.array_equal(load().encode([text])[0], vector)
        assert np.abs(vector.astype(int)).max() in (0, 127)


def test_vectors_are_the_exact_weighted_sums() -> None:
    embedder = load()
    assert isinstance(embedder, StaticEmbedder)
    text = "The doctor treated the patient in hospital. 医生在医院治疗病人。"
    rows = [embedder.words.index(word) for word in embedder.tokenize(text)]
    total = (embedder.vectors[rows].astype(object) * embedder.weights[rows].astype(object)[:, None]).sum(axis=0)
    exact = np.array([127 * int(x) / max(abs(int(t)) for t in total) for x in total])
    assert np.abs(embedder.encode([text])[0] - exact).max() <= 0.5


@pytest.mark.parametrize(
    ("text", "letters", "known"),
    [
        ("The doctor's xqzzvk 12.5 %", 16, 9),
        ("医生在医院", 5, 5),
        ("医生 Δοκιμή", 8, 2),  # Greek letters are letters that it does not know
        ("これは医生です", 7, 2),
        ("Привет, doctor", 12, 6),
        ("12 -- 5", 0, 0),
    ],
)
def test_coverage_is_the_share_of_letters_in_known_words(text: str, letters: int, known: int) -> None:
    words = load().tokenize(text)  # type: ignore[attr-defined]
    assert sum(map(len, words)) == known
    assert sum(c.isalpha() for c in text) == letters
    assert load().embed([text]).coverage.tolist() == [np.float32(known / max(letters, 1))]


UNKNOWN = {
    "Greek": "Η Αθήνα είναι η πρωτεύουσα της Ελλάδας και η μεγαλύτερη πόλη της χώρας.",
    "Russian": "Москва является столицей России и крупнейшим городом страны по населению.",
    "Japanese": "東京は日本の首都であり、世界でもっとも人口の多い都市のひとつとして知られています。",
    "Korean": "서울은 대한민국의 수도이자 최대 도시로 한강을 끼고 있다.",
    "German": "Der Bundestag hat gestern über den Haushalt beraten und keine Entscheidung getroffen.",
    "hashes": "a94f8fe5ccb19ba61c4c0873d391e987982fbbd3 qwrtzp bhjkvd mnxcvq wprtkl zzxqjv",
    "code": "qptr = malloc(sizeof(*qptr)); memset(qptr, 0, nbytes); strncpy(dst, argv[i], sz); printf(fmt, qptr);",
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_what_the_table_does_not_know_has_a_low_coverage(kind: str) -> None:
    assert load().embed([UNKNOWN[kind]]).coverage[0] < DistributionFilterConfig().min_coverage


def test_real_english_and_chinese_are_covered(shared_data: Path) -> None:
    news = pq.read_table(shared_data / "dedup" / "bbc.parquet")["text"].to_pylist()
    lines = (shared_data / "quality" / "zh_clean.jsonl").read_text("utf-8").splitlines()
    for texts in (news, [json.loads(line)["text"] for line in lines]):
        coverage = load().embed([text[:2000] for text in texts]).coverage
        assert (coverage >= DistributionFilterConfig().min_coverage).mean() > 0.998


def test_a_very_long_text_does_not_overflow() -> None:
    embedder = load()
    assert isinstance(embedder, StaticEmbedder)
    heaviest = int(embedder.weights.argmax())
    other = embedder.words.index("hospital")
    times = 150_000  # 2^31 / (MAX_WEIGHT * 7) is half of that
    text = f"{embedder.words[heaviest]} " * times + "hospital " * times
    rows = [heaviest, other]
    total = (embedder.vectors[rows].astype(np.int64) * embedder.weights[rows].astype(np.int64)[:, None]).sum(axis=0)
    assert abs(embedder.encode([text])[0] - 127 * total / np.abs(total).max()).max() <= 0.5


def test_lone_surrogates_are_no_error() -> None:
    assert load().encode(["\ud800 hospital"]).any()


def test_weights_that_could_overflow_are_refused() -> None:
    fold = np.zeros(1 << 16, np.uint16)
    with pytest.raises(ValueError, match="overflow"):
        StaticEmbedder(["a"], np.ones((1, 4), np.int8), np.array([5000], np.uint16), fold)


def test_the_shipped_table_is_small_and_plain() -> None:
    assert embedding.TABLE.stat().st_size < 4.9e6
    with np.load(embedding.TABLE, allow_pickle=False) as table:
        assert set(table.files) == {"words", "nibbles", "weights", "fold_from", "fold_to"}


def test_a_model_that_is_no_folder_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"'all-MiniLM'.*nothing is downloaded"):
        load("all-MiniLM")


def test_missing_sentence_transformers_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ImportError, match=r"pip install 'skypile\[models\]'"):
        load(str(tmp_path))


def test_a_model_of_the_user_is_loaded_offline_and_quantised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[list[str]] = []

    class Model:
        def __init__(self, path: str, **options: object) -> None:
            assert path == str(tmp_path)
            seen.clear()
            assert options == {"local_files_only": True, "trust_remote_code": False}

        def encode(self, texts: list[str], **options: object) -> np.ndarray:
            seen.append(texts)
            return np.array([[len(t), -len(t) / 2, 0.0] for t in texts], np.float32).reshape(-1, 3)

        def tokenizer(self, texts: list[str], **options: object) -> dict[str, list[list[int]]]:
            return {"input_ids": [[ord(c) for c in text] for text in texts]}

        tokenizer.unk_token_id = ord("?")  # type: ignore[attr-defined]

    module = types.SimpleNamespace(SentenceTransformer=Model)
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    model = SentenceTransformerEmbedder(str(tmp_path))
    assert model.encode(["four", ""]).tolist() == [[127, -64, 0], [0, 0, 0]]
    assert model.dim == 3
    assert model.encode([]).shape == (0, 3)
    seen.clear()
    vectors, coverage = model.embed(["a?", "long one", "a?", "", "long one"])
    assert seen == [["long one", "a?", ""]]  # once a distinct text, by length
    assert vectors.tolist() == [[127, -64, 0], [127, -64, 0], [127, -64, 0], [0, 0, 0], [127, -64, 0]]
    assert coverage.tolist() == [0.5, 1, 0.5, 1, 1]


def test_a_real_sentence_transformers_folder_works(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="needs the extra [models]")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "up": 1, "left": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    weights = np.array([[0.0, 0.0], [0.0, 2.0], [-4.0, 0.0]], np.float32)
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)]).save(str(tmp_path))
    model = load(str(tmp_path))
    assert model.dim == 2
    assert model.encode(["up", "left", "up left", "what"]).tolist() == [[0, 127], [-127, 0], [-127, 64], [0, 0]]


def test_quantize_ignores_what_is_not_finite() -> None:
    floats = np.array([[np.nan, 1.0], [np.inf, 1.0], [0.0, -2.0]])
    with np.errstate(all="raise"):
        assert quantize(floats).tolist() == [[0, 0], [0, 0], [0, -127]]

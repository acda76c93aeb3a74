"""All planted records: articles, copies of articles, and the oddities."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

from skypile.sample import oddities, prose
from skypile.sample.pages import HANT_SITE, SITES, Planted, page, write
from skypile.sample.prose import Article

ARTICLES_A_TOPIC = 10
CITED_A_TOPIC = 9
# What the Wikipedia dump cites. Most articles, because uncited ones are written no worse, and too many of them
# would leave the citation classifier nothing to learn: with seven in ten cited, AUC on held-out hosts fell to 0.55.
CITED_KINDS = (
    *("cited", "revised_article", "exact_duplicate_of", "near_duplicate_of", "encoded_transfer", "gbk_page"),
    *("wet_text", "json_line", "html_file"),
)
# Copies, and what they are copies of, appear in designs whose main text every engine finds: what is planted is
# the likeness of two texts, not of what an engine makes of nested tables.
COPY_DESIGNS = ("journal", "portal")
NOTICE = {
    "en": "This page belongs to a series on the working past of the region. Corrections are welcome and are "
    "entered once a quarter; please name the paragraph you mean and the source on which you rely.",
    "zh": "本文属于本站的地方旧事系列，欢迎读者来信指正，编辑部每个季度集中修订一次，"
    "来信请注明所指的段落和所依据的材料。",
}
# How many of each copy, in the order in which articles are drawn for them.
COPIES = (
    ("exact_duplicate_of", 16),
    ("duplicate_url", 6),
    ("near_duplicate_of", 32),
    ("excerpt_of", 10),
    ("revised_article", 16),
)
TRADITIONAL_COPIES = 6


def plant(random: Random) -> list[Planted]:
    """Every record but those that are damaged as bytes of a file, in a fixed order."""
    articles = [record for language in ("en", "zh") for record in _articles(language, random)]
    hant = [page(write("zh-Hant", random), "good_article", random, HANT_SITE) for _ in range(16)]
    makers = (_notices, _readers, *oddities.MAKERS)
    return [*_with_copies(articles, random), *hant, *(record for maker in makers for record in maker(random))]


def _articles(language: str, random: Random) -> Iterator[Planted]:
    sites = [s for s in SITES if s[2] == language]
    for topic in prose.grammar(language)["topics"]:
        for number in range(ARTICLES_A_TOPIC):
            kind = "cited" if number < CITED_A_TOPIC else "good_article"
            yield page(prose.article(language, topic, random), kind, random, random.choice(sites))


def _with_copies(articles: Sequence[Planted], random: Random) -> Iterator[Planted]:
    """The articles, some followed by a copy. Original and copy form a group, named by the original's URL."""
    clear = [i for i, article in enumerate(articles) if article.design in COPY_DESIGNS]
    order = random.sample(clear, len(clear))
    kinds = [kind for kind, count in COPIES for _ in range(count)]
    copied = dict(zip(order, kinds, strict=False))
    simplified = [i for i in order[len(kinds) :] if _article(articles[i]).language == "zh"]
    copied |= dict.fromkeys(simplified[:TRADITIONAL_COPIES], "traditional_copy_of")
    for i, original in enumerate(articles):
        kind = copied.get(i)
        if kind is None:
            yield original
        elif kind == "revised_article":
            yield original
            yield replace(page(_revised(_article(original), random), kind, random), near=original.url)
        else:
            yield replace(original, group=original.url)
            yield replace(_copy(original, kind, random), kind=kind, group=original.url, near=original.url)


def _article(planted: Planted) -> Article:
    assert planted.article is not None
    return planted.article


def _copy(original: Planted, kind: str, random: Random) -> Planted:
    if kind == "duplicate_url":
        return replace(original, url=original.url + "?utm_source=letter")
    article = COPY_OF[kind](_article(original), random)
    sites = [s for s in (*SITES, HANT_SITE) if s[2] == article.language and s[3] in COPY_DESIGNS]
    return page(article, kind, random, random.choice(sites))


def _reworded(article: Article, random: Random) -> Article:
    """Other numbers in two sentences, another title, a note at the end: Jaccard from 0.8 to 0.97."""
    paragraphs = list(article.paragraphs)
    for i in random.sample(range(len(paragraphs)), 2):
        first, stop, rest = paragraphs[i].partition("。" if article.language == "zh" else ". ")
        paragraphs[i] = first.translate(str.maketrans("0123456789", "1234567890")) + stop + rest
    before, after = {"en": ("Again: ", " Checked again this month."), "zh": ("再谈", "本月又核对过一遍。")}[
        article.language
    ]
    paragraphs[-1] += after
    return replace(article, title=before + article.title, paragraphs=tuple(paragraphs))


def _excerpt(article: Article, random: Random) -> Article:
    """All but the last paragraph or two, word for word: Jaccard 0.6 to 0.9, containment 1."""
    return replace(article, paragraphs=article.paragraphs[: -(-len(article.paragraphs) * 7 // 10)])


def _revised(article: Article, random: Random) -> Article:
    """The first half, and one paragraph more than that of another article on the topic."""
    half = len(article.paragraphs) // 2
    other = prose.article(article.language, article.topic, random, len(article.paragraphs) - half + 1)
    return replace(article, title=other.title, paragraphs=article.paragraphs[:half] + other.paragraphs)


COPY_OF: dict[str, Callable[[Article, Random], Article]] = {
    "exact_duplicate_of": lambda article, random: article,
    "near_duplicate_of": _reworded,
    "excerpt_of": _excerpt,
    "traditional_copy_of": lambda article, random: prose.finish(replace(article, language="zh-Hant")),
}


def _notices(random: Random) -> Iterator[Planted]:
    for language, (host, name, _, design) in (("en", SITES[0]), ("zh", SITES[-7])):
        for _ in range(12):
            article = write(language, random)
            article = replace(article, paragraphs=(*article.paragraphs, NOTICE[language]))
            where = (f"series.{host}", name, language, design)
            yield page(article, "boilerplate_notice", random, where, absent=NOTICE[language][:30])


def _readers(random: Random) -> Iterator[Planted]:
    """Articles for the other input formats."""
    for kind, count in (("wet_text", 10), ("json_line", 12), ("html_file", 10)):
        for number in range(count):
            yield page(write(("en", "zh")[number % 2], random), kind, random)

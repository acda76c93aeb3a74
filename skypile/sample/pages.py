"""A planted record, and the sites that articles appear on."""

from dataclasses import dataclass
from random import Random

from skypile.sample import archive, prose, site
from skypile.sample.prose import Article
from skypile.sample.traditional import to_traditional

Site = tuple[str, str, str, str]

# host, name, language and design of the sites that carry articles
SITES: tuple[Site, ...] = (
    ("coastal-notes.example", "Coastal Notes", "en", "journal"),
    ("www.county-record.example", "The County Record", "en", "portal"),
    ("slow-craft.example", "Slow Craft", "en", "journal"),
    ("fieldbook.example", "Fieldbook", "en", "handbook"),
    ("oldtown.example", "Old Town Pages", "en", "tables"),
    ("harbour-gazette.example", "Harbour Gazette", "en", "journal"),
    ("www.shanhai-bao.example", "山海报", "zh", "portal"),
    ("xiangtu.example", "乡土志", "zh", "journal"),
    ("www.jiangcheng-wang.example", "江城网", "zh", "portal"),
    ("gongyi.example", "工艺手册", "zh", "handbook"),
    ("laojie.example", "老街", "zh", "tables"),
)
HANT_SITE: Site = ("taidong-riji.example", "臺東日記", "zh-Hant", "journal")


@dataclass(frozen=True)
class Planted:
    """One record to be."""

    kind: str
    url: str
    message: bytes  # HTTP response
    article: Article | None = None
    sentence: str | None = None  # must stand in the kept text
    absent: str | None = None  # must not
    group: str | None = None
    near: str | None = None  # URL of the record it resembles


def write(language: str, random: Random, paragraphs: int = 0) -> Article:
    """An article on any topic."""
    topics = sorted(prose.grammar("zh" if language == "zh-Hant" else language)["topics"])
    return prose.article(language, random.choice(topics), random, paragraphs)


def page(
    article: Article,
    kind: str,
    random: Random,
    where: Site | None = None,
    absent: str | None = None,
    group: str | None = None,
) -> Planted:
    """`article` as UTF-8 HTML on the site `where`, by default one of its language."""
    host, name, _, design = where or random.choice([s for s in SITES if s[2] == article.language[:2]])
    url = f"http{random.choice(('', 's'))}://{host}/{article.topic}/{random.randrange(10**6):06d}.html"
    body = html_of(article, design, url, name, random).encode()
    header = random.choice(("text/html; charset=utf-8", "text/html;charset=UTF-8", "text/html"))
    return Planted(kind, url, archive.http(body, header), article, absent=absent, group=group)


def html_of(article: Article, design: str, url: str, name: str, random: Random, meta: str | None = "utf-8") -> str:
    """`article` as HTML with the titles of other articles beside it."""
    language = "zh" if article.language == "zh-Hant" else article.language
    titles = [write(language, random, 1).title for _ in range(6)] if language in ("en", "zh") else []
    if article.language == "zh-Hant":
        titles = [to_traditional(title) for title in titles]
    links = [(title, f"/a/{random.randrange(10**6)}.html") for title in titles]
    date = f"{random.randint(2009, 2023)}-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}"
    return site.html(article, design, url, name, links, date, random.randint(10, 59), meta)

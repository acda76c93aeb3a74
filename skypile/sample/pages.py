"""A planted record, and the sites that articles appear on."""

from dataclasses import dataclass
from random import Random

from skypile.sample import archive, prose, site
from skypile.sample.prose import Article
from skypile.sample.traditional import to_traditional

Site = tuple[str, str, str, str]

# Sites that carry articles: host, name, language, design. Many, because the citation classifier is judged on
# hosts that it was not trained on. The tables come last and seldom: extraction leaves their menus in the text.
_NAMES = {
    "en": {
        **{"coastal-notes": "Coastal Notes", "county-record": "The County Record", "slow-craft": "Slow Craft"},
        **{"fieldbook": "Fieldbook", "harbour-gazette": "Harbour Gazette", "old-trades": "Old Trades"},
        **{"riverlore": "Riverlore", "hill-and-dale": "Hill and Dale", "makers-quarterly": "Makers' Quarterly"},
        **{"northern-post": "Northern Post", "the-almanack": "The Almanack", "waterways": "Waterways"},
        **{"town-memory": "Town Memory", "hearth": "Hearth"},
    },
    "zh": {
        **{"shanhai-bao": "山海报", "xiangtu": "乡土志", "jiangcheng-wang": "江城网", "gongyi": "工艺手册"},
        **{"fengwu": "风物", "difang-wenshi": "地方文史", "shuixiang": "水乡", "lvdi": "绿地", "minjian": "民间"},
        **{"guangying": "光影", "shouyi-ren": "手艺人", "chengnan": "城南晚报", "tianye": "田野", "laojie": "老街"},
    },
}
_DESIGNS = ("journal", "portal", "journal", "handbook", "portal", "journal", "tables") * 2
SITES: tuple[Site, ...] = tuple(
    (f"{('www.', '')[number % 2]}{host}.example", name, language, design)
    for language, names in _NAMES.items()
    for number, ((host, name), design) in enumerate(zip(names.items(), _DESIGNS, strict=True))
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
    design: str | None = None


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
    return Planted(kind, url, archive.http(body, header), article, absent=absent, group=group, design=design)


def html_of(article: Article, design: str, url: str, name: str, random: Random, meta: str | None = "utf-8") -> str:
    """`article` as HTML with the titles of other articles beside it."""
    language = "zh" if article.language == "zh-Hant" else article.language
    titles = [write(language, random, 1).title for _ in range(6)] if language in ("en", "zh") else []
    if article.language == "zh-Hant":
        titles = [to_traditional(title) for title in titles]
    links = [(title, f"/a/{random.randrange(10**6)}.html") for title in titles]
    date = f"{random.randint(2009, 2023)}-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}"
    return site.html(article, design, url, name, links, date, random.randint(10, 59), meta)

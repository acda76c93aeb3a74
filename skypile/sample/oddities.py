"""Planted records that are no plain articles: charsets, codings, spam, templates, errors, attacks."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random

import brotli

from skypile.sample import archive, prose, site
from skypile.sample.pages import SITES, Planted, html_of, page, write
from skypile.sample.prose import Article

# Of each of two templates. The budget of the distribution filter has to lie between the largest cluster of
# articles (127 in seeds 0 to 4, mostly under 90) and this: 130 in configs/demo.toml.
TEMPLATE_PAGES = 200
LANGUAGES = {"german": "de", "french": "fr", "russian": "ru", "japanese": "ja", "korean": "ko"}


def charsets(random: Random) -> Iterator[Planted]:
    def encoded(
        kind: str,
        language: str,
        charset: str,
        meta: str | None,
        header: str,
        addition: str = "",
        design: str = "tables",
    ) -> Planted:
        article = write(language, random)
        if addition:
            article = replace(article, paragraphs=(article.paragraphs[0] + addition, *article.paragraphs[1:]))
        host = {"en": "latin", "zh": "hanzi", "zh-Hant": "zhengti"}[language]
        url = f"http://{host}.charsets.example/{kind}/{random.randrange(10**6):06d}.htm"
        text = html_of(article, design, url, host, random, meta)
        sentence = addition or article.paragraphs[0][:40]
        return Planted(
            kind, url, archive.http(text.encode(charset, "xmlcharrefreplace"), header), article, sentence.strip()
        )

    plain = "text/html"
    for number in range(16):
        yield encoded("gbk_page", "zh", "gbk", "gb2312", plain, design=("tables", "portal")[number % 2])
    for number in range(6):
        rare = f"碑文里有两个少见的字“𠮷”和“㐂”，第{number + 1}次校对时才认出来。"
        yield encoded("gb18030_page", "zh", "gb18030", "gb18030", plain, rare)
    for _ in range(8):
        yield encoded("big5_page", "zh-Hant", "big5hkscs", "big5", plain, design="portal")
    for number in range(6):
        language, charset = (("zh", "gbk"), ("zh-Hant", "big5hkscs"))[number % 2]
        yield encoded("undeclared_charset", language, charset, None, plain)
    for _ in range(6):
        yield encoded("wrong_header_charset", "zh", "gbk", "gbk", "text/html; charset=utf-8", design="portal")
    for _ in range(4):
        quote = " The oldest label says “Fournier’s café – naïve, 5 €”."
        yield encoded("windows_page", "en", "cp1252", "iso-8859-1", plain, quote)
    for language in ("en", "zh"):
        yield encoded("utf16_page", language, "utf-16", None, plain, design="journal")


def transfers(random: Random) -> Iterator[Planted]:
    ways: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
        ("gzip", lambda b: gzip.compress(b, mtime=0)),
        ("deflate", zlib.compress),
        ("br", lambda b: brotli.compress(b, quality=5)),
    )
    for number in range(12):
        sound = page(write(("en", "zh")[number % 2], random), "encoded_transfer", random)
        body = sound.message.partition(b"\r\n\r\n")[2]
        coding, compress = ways[number // 2 % 3]
        headers = {"Content_Encoding": coding}
        body = compress(body)
        if number % 3 == 0:
            headers["Transfer_Encoding"] = "chunked"
            body = archive.chunked(body)
        yield replace(sound, message=archive.http(body, "text/html; charset=utf-8", **headers))


def markup(random: Random) -> Iterator[Planted]:
    """Pages whose visible text looks like an attack on whoever shows it unescaped."""
    attacks = (
        '<script>document.title="owned"</script>',
        '"><img src=x onerror="document.title=\'owned\'">',
        "<a href=\"javascript:document.title='owned'\">read on</a>",
    )
    for attack in attacks:
        article = write("en", random)
        lesson = f" A visitor once wrote {attack} into the guest book of the site, and the page showed it as text."
        article = replace(
            article,
            title=f"{article.title} {attack}",
            paragraphs=(article.paragraphs[0] + lesson, *article.paragraphs[1:]),
        )
        yield page(article, "hostile_markup", random, SITES[2])


def templates(random: Random) -> Iterator[Planted]:
    for language, host in (("en", "weather-now.example"), ("zh", "qiye-minglu.example")):
        for _ in range(TEMPLATE_PAGES):
            article = prose.form(language, "forecast", random)
            yield page(article, "template", random, (host, host, language, "portal"), group=f"template {language}")


def chatter(random: Random) -> Iterator[Planted]:
    for kind, table, host, design in (
        ("chatter", "forum", "board", "board"),
        ("shop", "shop", "store", "journal"),
    ):
        for language in ("en", "zh"):
            for number in range(40 if kind == "chatter" else 30):
                article = prose.notes(language, table, random, random.randint(4, 8) if kind == "chatter" else 3)
                yield page(article, kind, random, (f"{host}{number % 10}-{language}.example", host, language, design))


def spam(random: Random) -> Iterator[Planted]:
    for language in ("en", "zh"):
        for number in range(20):
            article = prose.notes(language, "spam", random, 8)
            yield page(article, "spam", random, (f"win{number % 5}.best-offer.example", "win", language, "journal"))


def directories(random: Random) -> Iterator[Planted]:
    for number in range(20):
        language = ("en", "zh")[number % 2]
        article = Article(language, "links", {"en": "Useful links", "zh": "网址大全"}[language] + f" {number}", ())
        url = f"http://links{number % 10}.example/{language}/{number}"
        titles = [write(language, random, 1).title for _ in range(80)]
        links = [(title, f"http://{random.randrange(10**6)}.example/") for title in titles]
        body = site.html(article, "directory", url, "links", links).encode()
        yield Planted("link_farm", url, archive.http(body, "text/html; charset=utf-8"))


def short(random: Random) -> Iterator[Planted]:
    for number in range(10):
        body = f"<html><title>{number}</title><body><p>Under construction, come back in {number + 2} days.</p></body>"
        yield Planted("short_page", f"http://soon.example/{number}", archive.http(body.encode(), "text/html"))


def foreign(random: Random) -> Iterator[Planted]:
    for kind, code in LANGUAGES.items():
        for _ in range(6):
            article = prose.notes(code, "pages", random, 5)
            where = (f"{code}.welt.example", "Welt", code, random.choice(("journal", "portal", "handbook")))
            yield page(article, kind, random, where)


def http(random: Random) -> Iterator[Planted]:
    for number, status in enumerate(("404 Not Found",) * 6 + ("301 Moved Permanently",) * 4 + ("503 Busy",) * 2):
        body = b"<html><body><h1>" + status.encode() + b"</h1></body></html>"
        yield Planted("http_404", f"http://gone.example/{number}", archive.http(body, "text/html", status))
    others = (
        ("image/png", b"\x89PNG\r\n\x1a\n" + bytes(range(256))),
        ("application/json", b'{"state": "open", "seats": [1, 2, 3]}'),
        ("application/pdf", b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n"),
        ("text/css", b"body { margin: 0 }\n"),
    )
    for number in range(16):
        content_type, body = others[number % 4]
        yield Planted("non_html", f"http://files.example/{number}", archive.http(body, content_type))
    for number in range(3):
        yield Planted("empty_body", f"http://empty.example/{number}", archive.http(b"", "text/html"))
    for number in range(4):
        yield Planted("revisit", f"http://again.example/{number}", archive.http(b"", "text/html"))
    for number in range(3):
        yield Planted("bad_http", f"http://garbled.example/{number}", b"\x00\x01 no status line\r\n\r\n<p>lost</p>")
    damaged = gzip.compress(b"", mtime=0)[:10] + b"\xff" * 30  # deflate has no block of type 3
    for number in range(2):
        message = archive.http(damaged, "text/html", Content_Encoding="gzip")
        yield Planted("bad_http_encoding", f"http://damaged.example/{number}", message)
    body = b"<html><body><p>large</p>" + b" " * (17 << 20) + b"</body></html>"
    yield Planted("too_large", "http://large.example/", archive.http(body, "text/html"))


def nesting(random: Random) -> Iterator[Planted]:
    article = write("en", random)
    body = "<html><body>" + "<div>" * 30000 + "".join(f"<p>{p}</p>" for p in article.paragraphs)
    message = archive.http(body.encode(), "text/html; charset=utf-8")
    yield Planted("deep_nesting", "http://deep.example/", message, article)


MAKERS: tuple[Callable[[Random], Iterator[Planted]], ...] = (
    *(charsets, transfers, markup, templates, chatter, spam, directories, short, foreign, http, nesting),
)

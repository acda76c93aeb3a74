"""Pages as the web serves them: an article inside the chrome of one of six site designs.

The chrome (menus, cookie notice, side bar, share buttons, scripts, footer) is what extraction must take away;
the designs are those that crawls are full of: a blog engine, a Chinese portal, tables and FONT tags, a
generated handbook, a bulletin board, a link directory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, Template

from skypile.sample.prose import Article
from skypile.sample.traditional import to_traditional

_ENGLISH: dict[str, Any] = {
    "menu": ["Home", "News", "Culture", "Science", "Travel", "Shop", "Contact"],
    "cookies": "We use cookies to improve your visit. By continuing you agree to our policy.",
    "accept": "Got it",
    "share": "Share this:",
    "related": "Most read",
    "newsletter": "Sign up for our newsletter",
    "imprint": "Imprint",
    "privacy": "Privacy",
    "here": "You are here",
    "print": "Print",
    "back": "Back",
    "skip": "Skip to content",
    "more": "Further notes",
    "posts": "Posts",
}
_CHINESE: dict[str, Any] = {
    "menu": ["首页", "新闻", "文化", "科学", "旅游", "论坛", "联系我们"],
    "cookies": "本网站使用浏览器缓存以改善您的使用体验，继续浏览即表示同意。",
    "accept": "知道了",
    "share": "分享到：",
    "related": "热门文章",
    "newsletter": "订阅",
    "imprint": "关于我们",
    "privacy": "隐私政策",
    "here": "当前位置",
    "print": "打印",
    "back": "返回",
    "skip": "跳到正文",
    "more": "其他情况",
    "posts": "帖子",
}


@dataclass(frozen=True)
class Page:
    """What a design is filled with."""

    url: str
    site: str
    title: str
    paragraphs: tuple[str, ...]
    links: tuple[tuple[str, str], ...]  # (title, path) of the side bar
    lang: str
    date: str
    minute: int
    meta_charset: str | None


@cache
def _design(name: str) -> Template:
    return Environment(loader=PackageLoader("skypile.sample", "designs"), autoescape=True).get_template(f"{name}.html")


def html(
    article: Article,
    design: str,
    url: str,
    site: str,
    links: Sequence[tuple[str, str]] = (),
    date: str = "2021-05-04",
    minute: int = 15,
    meta_charset: str | None = "utf-8",
) -> str:
    """The page at `url` as HTML. Anything in `article` is escaped: its markup shows, it does not act."""
    language = article.language
    if language == "zh":
        ui = dict(_CHINESE)
    elif language == "zh-Hant":
        ui = {k: [*map(to_traditional, v)] if isinstance(v, list) else to_traditional(v) for k, v in _CHINESE.items()}
    else:
        ui = dict(_ENGLISH)
    page = Page(
        url,
        site,
        article.title,
        article.paragraphs,
        tuple(links),
        {"zh": "zh-CN", "zh-Hant": "zh-TW"}.get(language, language),
        date,
        minute,
        meta_charset,
    )
    return _design(design).render(page=page, ui=ui)

"""Headings over what is no part of an article, in many languages: "Read also", "По теме", "网友评论". Compiled.

A block that says nothing but such a phrase names what follows it: the rest of the widest element that begins with it,
or, where it stands in an element alone, what comes behind that one: of comments all there is, of related pages as long
as it is made of links or of cards that begin with one. A paragraph that begins with such a phrase and is mostly a link
goes on its own. Nothing goes that holds the surest block of the page, or half of the kept words.
"""

import re
import unicodedata

import numpy as np
from numba import njit

from skypile.extraction.fast.block_text import tokens
from skypile.extraction.fast.compiling import borrows
from skypile.extraction.fast.tags import TAG_ID, fnv1a

RELATED, HEADING, COMMENTS = 1, 2, 3
# In English and Indonesian the gold texts of WCXB and of the mixed pages keep every other paragraph of this kind.
_HEADINGS = """
related articles, related stories, related posts, related news, related content, related topics, related links,
related reading, related coverage, related items, similar articles, similar posts, read more, read also, also read,
read next, more stories, more news, more articles, more on this topic, more on this story, you may also like,
you might also like, you may also be interested in, you might also be interested in, you may like, recommended for you,
recommended reading, recommended stories, recommended articles, most read, most popular, popular posts,
popular articles, popular stories, trending now, trending stories, latest news, latest articles, latest posts,
latest stories, recent posts, recent articles, top stories, from around the web, sponsored content, editors' picks,
baca juga
"""
_RELATED = """
mehr zum thema, lesen sie auch, lesen sie mehr, lesen sie dazu auch, lesen sie weiter, auch interessant,
das könnte sie auch interessieren, das könnte dich auch interessieren, das könnte sie interessieren, weitere artikel,
ähnliche artikel, ähnliche beiträge, verwandte artikel, verwandte themen, verwandte beiträge, weiterlesen,
weiterführende artikel, meistgelesen, meistgelesene artikel, mehr lesen, passend zum thema, neueste beiträge,
letzte beiträge, neueste kommentare, letzte kommentare, weitere beiträge, weitere meldungen, weitere nachrichten
à lire aussi, lire aussi, à lire également, lire également, sur le même sujet, articles similaires, articles liés,
articles connexes, dans la même rubrique, les plus lus, derniers articles, vous aimerez aussi, à voir aussi
lea también, lee también, lea además, te puede interesar, le puede interesar, también te puede interesar,
noticias relacionadas, artículos relacionados, más noticias, lo más leído, seguí leyendo, sigue leyendo
leia também, leia mais, notícias relacionadas, artigos relacionados, veja também, mais lidas, veja mais
leggi anche, articoli correlati, potrebbe interessarti, ti potrebbe interessare, potrebbero interessarti, lees ook
läs också, läs mer, relaterade artiklar, les også, læs også, lue myös, citește și, kapcsolódó cikkek,
kapcsolódó írások, legolvasottabb, související články, čtěte také, čtěte více, mohlo by vás zajímat, podobne wpisy
czytaj także, czytaj też, czytaj również, czytaj więcej, zobacz także, zobacz też, zobacz również, zobacz więcej,
przeczytaj także, przeczytaj też, przeczytaj również, przeczytaj więcej, podobne artykuły, powiązane artykuły,
powiązane tematy, polecane artykuły, polecamy, polecane, warto przeczytać, najczęściej czytane, najpopularniejsze,
najnowsze, sprawdź też, sprawdź także, może cię zainteresować, inne artykuły, pozostałe wiadomości, więcej na temat
читайте также, читайте ещё, читайте еще, читайте далее, также читайте, похожие статьи, похожие новости,
похожие материалы, похожие записи, по теме, ещё по теме, еще по теме, ранее по теме, материалы по теме,
новости по теме, статьи по теме, другие новости, другие материалы, другие статьи, смотрите также, смотри также,
рекомендуем, рекомендуем почитать, рекомендуем прочитать, вам может быть интересно, вам будет интересно,
последние новости, самое читаемое, самое популярное, лента новостей, новости партнеров, новости партнёров,
читайте також, дивіться також, схожі новини, още по темата, свързани новини, прочетете още, вижте още, виж още
διαβάστε επίσης, διαβάστε ακόμα, διαβάστε ακόμη, διαβάστε περισσότερα, διαβάστε σχετικά, δείτε επίσης, δείτε ακόμα,
δείτε ακόμη, σχετικά άρθρα, σχετικά θέματα, σχετικές ειδήσεις, σχετικά νέα, δημοφιλή, δημοφιλή άρθρα,
τελευταία νέα, ροή ειδήσεων, περισσότερα νέα, περισσότερες ειδήσεις, ίσως σας ενδιαφέρουν
相关阅读, 相关新闻, 相关文章, 相关推荐, 相关报道, 相关链接, 相关资讯, 相关内容, 推荐阅读, 延伸阅读, 热门推荐,
热门文章, 热门新闻, 热点推荐, 精彩推荐, 为你推荐, 为您推荐, 猜你喜欢, 编辑推荐, 更多精彩, 更多新闻, 最新文章,
最新资讯, 今日热点, 往期精选, 往期推荐, 大家都在看, 相關閱讀, 相關新聞, 相關文章, 推薦閱讀, 延伸閱讀, 熱門新聞,
熱門文章, 関連記事, おすすめ記事, 人気記事, あわせて読みたい
"""
_COMMENTS = """
comments, leave a comment, leave a reply, post a comment, add a comment, write a comment, join the conversation,
reader comments, kommentare, schreibe einen kommentar, kommentar schreiben, leserkommentare, commentaires,
laisser un commentaire, vos commentaires, comentarios, deja un comentario, deja una respuesta, comentários,
deixe um comentário, commenti, lascia un commento, komentarze, dodaj komentarz, zostaw komentarz, комментарии,
оставить комментарий, добавить комментарий, комментарии читателей, коментарі, коментари, добави коментар, σχόλια,
προσθήκη σχολίου, αφήστε σχόλιο, hozzászólások, komentáře, komentari, reacties, kommentarer, yorumlar, 网友评论, 评论,
发表评论, 用户评论, 全部评论, 热门评论, 最新评论, 網友評論, 留言, コメント
"""
LONGEST = 9  # tokens, one more than the longest phrase has
LONGEST_BYTES = 80
SIZE, BEGINS = 1 << 12, 1 << 13  # of the tables of phrases and of what they begin with
BEFORE = 8  # blocks before the first that is kept are looked at, and none behind the last
WORK = 8  # blocks that may be passed on the way to where sections end, by those of the page: it may be all headings
LARGEST_SHARE = 0.5  # of the kept words
LINKED = 0.5  # of the bytes of what a phrase introduces
H1, H6, LEGEND = TAG_ID["h1"], TAG_ID["h6"], TAG_ID["legend"]


def _words(phrase: str) -> list[int]:
    """Its tokens, as `tokens` reads them."""
    return [fnv1a(word) for word in re.findall(rb"[\xe3-\xe9]..|[0-9a-z\x80-\xff]+", phrase.encode())]


def _folded(words: list[int]) -> int:
    """One number for a row of tokens, as `_phrase` makes it."""
    value = 0
    for word in words:
        value = ((value * 0x85EBCA6B) & 0xFFFFFFFF) ^ word
    return value


def _spellings(phrase: str) -> set[str]:
    """As headings write it; `tokens` lowers ASCII alone, and Greek capitals have no accents."""
    plain = "".join(c for c in unicodedata.normalize("NFD", phrase.upper()) if not unicodedata.combining(c))
    forms = {phrase, phrase.capitalize(), phrase.title(), phrase.upper(), unicodedata.normalize("NFC", plain)}
    forms |= {form.replace("'", "’") for form in forms}
    return {re.sub("[A-Z]", lambda m: m[0].lower(), form) for form in forms}


def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hashes of the phrases by linear probing (0: free), their kinds, and which low bits their first tokens have."""
    keys, kinds, begins = np.zeros(SIZE, np.uint32), np.zeros(SIZE, np.uint8), np.zeros(BEGINS, np.bool_)
    for kind, phrases in ((RELATED, _RELATED), (HEADING, _HEADINGS), (COMMENTS, _COMMENTS)):
        for phrase in re.split(r"[,\n]+", phrases.strip()):
            for form in _spellings(phrase.strip()):
                words = _words(form)
                value = _folded(words)
                slot = value & (SIZE - 1)
                while keys[slot] not in (0, value):
                    slot = (slot + 1) & (SIZE - 1)
                keys[slot], kinds[slot], begins[words[0] & (BEGINS - 1)] = value, kind, True
    return keys, kinds, begins


KEYS, KINDS, FIRST = _tables()


@borrows
def _sign(text, i, end):
    """Bytes of the sign at i if it is no letter: digits, blanks, punctuation, arrows, pictures; else 0."""
    c = text[i]
    if c < 0x80:
        lower = c | 32
        return 0 if 97 <= lower <= 122 else 1
    if c == 0xC2:
        return 2
    after = text[i + 1] if i + 1 < end else 0
    if c == 0xE2 or (c == 0xE3 and after == 0x80) or (c == 0xEF and after == 0xBC):
        return 3
    return 4 if c == 0xF0 else 0


@borrows
def _trimmed(text, i, end):
    """(from, to) of text[i:end] without signs around it."""
    while i < end:
        n = _sign(text, i, end)
        if not n:
            break
        i += n
    while i < end:
        k = end - 1
        while k > i and text[k] & 0xC0 == 0x80:
            k -= 1
        if not _sign(text, k, end):
            break
        end = k
    return i, end


@borrows
def _may_begin(text, i, end):
    """Whether the first token of text[i:end] may be a phrase's, as with one block in twenty."""
    value, wide = np.uint32(0x811C9DC5), i + 2 < end and 0xE3 <= text[i] <= 0xE9
    stop = min(end, i + 3) if wide else end
    while i < stop:
        c = np.uint32(text[i])
        lower = c | np.uint32(32)
        if not wide and (0xE3 <= c <= 0xE9 or not (97 <= lower <= 122 or 48 <= c <= 57 or c >= 0x80)):
            break
        value = np.uint32((value ^ (lower if c < 128 else c)) * np.uint32(0x01000193))
        i += 1
    return FIRST[value & np.uint32(BEGINS - 1)]


@borrows
def _kind(value):
    slot = np.int64(value & np.uint32(SIZE - 1))
    while KEYS[slot] != 0:
        if KEYS[slot] == value:
            return np.int64(KINDS[slot])
        slot = (slot + 1) & (SIZE - 1)
    return 0


@borrows
def _phrase(text, start, stop, found, whole):
    """Kind of the phrase that text[start:stop] is (`whole`) or begins with, else 0. `found`: room for tokens."""
    i, end = _trimmed(text, start, stop)
    if not _may_begin(text, i, end):
        return 0
    n = tokens(text, i, end if whole else min(end, i + LONGEST_BYTES), found)
    value, kind = np.uint32(0), 0
    for k in range(n):
        value = np.uint32(value * np.uint32(0x85EBCA6B)) ^ found[k]
        if not whole or k == n - 1:
            kind = _kind(value)
            if kind:
                break
    return kind


@njit(cache=True)
def drop_headed(page, keep, score, words, comments):
    """Take out of `keep` what such headings introduce. `score`, `words`: float32 [B]; `comments`: whether those go."""
    kinds, found = np.zeros(len(keep), np.uint8), np.empty(LONGEST, np.uint32)
    if _mark(page.text, page.start, page.stop, page.link, keep, kinds, found):
        _drop_sections(page, keep, score, words, kinds, comments)


@borrows
def _mark(text, start, stop, link, keep, kinds, found):
    """The blocks that are a phrase into `kinds`, and those that begin with one and are mostly a link out of `keep`;
    whether there are any of the first. `found`: room for tokens."""
    first, last = len(keep), -1
    for b in range(len(keep)):
        if keep[b]:
            first, last = min(first, b), b
    some = False
    for b in range(max(first - BEFORE, 0), last + 1):
        size = stop[b] - start[b]
        if size <= LONGEST_BYTES:
            kinds[b] = _phrase(text, start[b], stop[b], found, True)
            some |= kinds[b] > 0
        points = keep[b] and not kinds[b] and link[b] >= LINKED * size
        if points and _phrase(text, start[b], stop[b], found, False) == RELATED:
            keep[b] = False
    return some


@njit(cache=True)
def _drop_sections(page, keep, score, words, kinds, comments):
    first, last = _spans(page)
    before = np.zeros(len(keep) + 1, np.float64)  # kept words
    surest = -1
    for b in range(len(keep)):
        before[b + 1] = before[b] + words[b] * keep[b]
        if keep[b] and (surest < 0 or score[b] > score[surest]):
            surest = b
    limit, after = LARGEST_SHARE * before[-1], 0
    work = WORK * len(keep)
    for b in range(len(keep)):
        if work <= 0:
            break
        if b < after or not kinds[b] or (kinds[b] == COMMENTS and not comments):
            continue
        heading = H1 <= page.tag[page.outer[b]] <= H6 or page.tag[page.outer[b]] == LEGEND
        if page.link[b] and not heading:
            continue
        e = page.inner[b]
        while page.parent[e] > 0 and first[page.parent[e]] == b and not b <= surest <= last[page.parent[e]]:
            e = page.parent[e]
        stop = last[e] + 1
        if stop == b + 1 and page.parent[e] >= 0:
            stop = _end_behind(page, b, page.parent[e], last, kinds[b] == COMMENTS)
            work -= stop - b
        if not b <= surest < stop and before[stop] - before[b] < limit:
            keep[b:stop] = False
            after = stop


@njit(cache=True)
def _spans(page):
    """First and last block in each element: two of int64 [E]; len(B) and -1 where there is none."""
    first, last = np.full(len(page.parent), len(page.start)), np.full(len(page.parent), -1)
    for b in range(len(page.start)):
        e = page.inner[b]
        first[e], last[e] = min(first[e], b), max(last[e], b)
    for e in range(len(first) - 1, 0, -1):
        p = page.parent[e]
        first[p], last[p] = min(first[p], first[e]), max(last[p], last[e])
    return first, last


@borrows
def _end_behind(page, b, parent, last, all_of_it):
    """Where what heading b introduces ends, of the blocks behind it in `parent`: at the first brother that neither is
    made of links nor begins with one, or, with `all_of_it`, where the parent does."""
    if all_of_it:
        return last[parent] + 1
    k = b + 1
    while k <= last[parent]:
        e = page.inner[k]
        while e != parent and page.parent[e] != parent:
            e = page.parent[e]
        stop = k if e == parent else last[e]
        size, link = 0, 0.0
        for j in range(k, stop + 1):
            size += page.stop[j] - page.start[j]
            link += page.link[j]
        if link < LINKED * size and page.link[k] < LINKED * (page.stop[k] - page.start[k]):
            break
        k = stop + 1
    return k

"""What is planted, and what must become of it.

A kind says which verdicts a record may end with and, if it is lost, for which reasons. Members of a *group*
(copies of one text, pages of one template) are judged together: some number of them has to be kept, whichever
they are, and the others have to go for one of the reasons.
"""

from typing import Final, NamedTuple

from skypile.schema import DROPPED, FAILED, KEPT

_COPY: Final = ("duplicate_text", "near_duplicate", "contained")
_IDLE: Final = (
    *("low_citation_score", "dense_cluster", "repeated_ngrams", "repeated_lines", "short_lines", "few_sentences"),
    "too_short",
)
_CHARSET: Final = "; the sentence in `sentence` must stand in its text"


class Kind(NamedTuple):
    meaning: str
    verdicts: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    keeps: tuple[int, int] | None = None  # how many of a group are kept: least, most


KINDS: Final = {
    # to be kept
    "good_article": Kind("an article like no other", (KEPT,)),
    "cited": Kind("an article that the Wikipedia dump cites", (KEPT,)),
    "revised_article": Kind("half of another article, half new: alike, yet no duplicate", (KEPT,)),
    "hostile_markup": Kind("an article about markup, with scripts as its text", (KEPT,)),
    "encoded_transfer": Kind("chunked, gzip, deflate or brotli on the wire", (KEPT,)),
    "boilerplate_notice": Kind(
        "an article with the notice all pages of its site carry, which is cut from all but one", (KEPT,)
    ),
    "gbk_page": Kind("GBK, called gb2312 in its <meta>" + _CHARSET, (KEPT,)),
    "gb18030_page": Kind("GB18030 with characters GBK lacks" + _CHARSET, (KEPT,)),
    "big5_page": Kind("Big5, declared in its <meta>" + _CHARSET, (KEPT,)),
    "undeclared_charset": Kind("GBK or Big5, declared nowhere" + _CHARSET, (KEPT,)),
    "wrong_header_charset": Kind("GBK by its bytes and <meta>, UTF-8 by its HTTP header" + _CHARSET, (KEPT,)),
    "windows_page": Kind("windows-1252 with typographic quotes" + _CHARSET, (KEPT,)),
    "utf16_page": Kind("UTF-16 with a byte order mark" + _CHARSET, (KEPT,)),
    "wet_text": Kind("an article as text in a WET file", (KEPT,)),
    "json_line": Kind("an article as text or HTML in a JSONL file", (KEPT,)),
    "html_file": Kind("an article in a folder of HTML files", (KEPT,)),
    # judged as groups
    "exact_duplicate_of": Kind("the same text at another address, in another design", (KEPT, DROPPED), _COPY, (1, 1)),
    "duplicate_url": Kind(
        "the same address with other campaign parameters", (KEPT, DROPPED), (*_COPY, "duplicate_url"), (1, 1)
    ),
    "near_duplicate_of": Kind("the same article with a few words changed", (KEPT, DROPPED), _COPY, (1, 1)),
    "traditional_copy_of": Kind("the same article in traditional characters", (KEPT, DROPPED), _COPY, (1, 1)),
    "excerpt_of": Kind("all of another article but its end", (KEPT, DROPPED), _COPY, (1, 1)),
    "template": Kind(
        "one of 200 pages that differ in names and numbers",
        (KEPT, DROPPED),
        ("dense_cluster", "near_duplicate", "contained", "boilerplate", "low_citation_score"),
        (0, 150),
    ),
    # to be dropped
    "spam": Kind(
        "the same keywords over and over",
        (DROPPED,),
        (
            *("repeated_ngrams", "repeated_lines", "symbols", "bad_words", "few_letters", "few_sentences"),
            *("short_lines", "long_words", "language", "dense_cluster", "no_text", "too_short", "language_gate"),
            *("low_citation_score", "few_function_words", *_COPY, "boilerplate"),
        ),
    ),
    "link_farm": Kind(
        "a directory of links",
        (DROPPED,),
        (
            *("no_text", "too_short", "short_gate", "few_sentences", "short_lines", "repeated_lines"),
            *("language", "repeated_ngrams", "few_letters", "low_citation_score", *_COPY),
        ),
    ),
    "short_page": Kind("a page with one sentence", (DROPPED,), ("short_gate", "too_short", "no_text")),
    "chatter": Kind("a forum thread: no duty to keep it", (KEPT, DROPPED), _IDLE),
    "shop": Kind("an article for sale: no duty to keep it", (KEPT, DROPPED), _IDLE),
    **{
        name: Kind(f"a page in {name.capitalize()}", (DROPPED,), ("language_gate", "language"))
        for name in ("german", "french", "russian", "japanese", "korean")
    },
    "http_404": Kind("an error page, or a redirect", (DROPPED,), ("http_status",)),
    "non_html": Kind("an image, JSON, PDF or style sheet", (DROPPED,), ("not_html",)),
    "revisit": Kind("a revisit record", (DROPPED,), ("revisit",)),
    "empty_body": Kind("a response without a body", (DROPPED,), ("empty_body", "short_gate", "no_text")),
    # damaged
    "broken_gzip": Kind("a gzip member with bytes overwritten", (FAILED,), ("bad_compression", "truncated")),
    "truncated": Kind("the last member of a file that breaks off", (FAILED,), ("truncated", "bad_compression")),
    "bad_warc_header": Kind("a record without a WARC header", (FAILED,), ("bad_warc_header",)),
    "bad_http": Kind("a response without an HTTP status line", (FAILED,), ("bad_http",)),
    "bad_http_encoding": Kind("a body called gzip that is damaged", (FAILED,), ("bad_http_encoding",)),
    "too_large": Kind("17 MB of white space", (FAILED,), ("too_large",)),
    "bad_json": Kind("a line that is no JSON", (FAILED,), ("bad_json",)),
    "missing_field": Kind("a JSON line without text or HTML", (FAILED,), ("missing_field",)),
    "deep_nesting": Kind(
        "30,000 open <div>: whatever becomes of it is on record",
        (KEPT, DROPPED, FAILED),
        (
            *(
                "no_text",
                "too_short",
                "short_gate",
                "timeout",
                "out_of_memory",
                "crash",
                "extraction_error",
                "too_deep",
            ),
            *("few_sentences", "low_citation_score"),
        ),
    ),
}

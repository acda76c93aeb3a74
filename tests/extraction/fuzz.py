"""Fuzz `extract`: libFuzzer (through atheris) finds pages that break a promise of the fast engine.

    NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=/tmp/checked python -m tests.extraction.fuzz -max_total_time=300 CORPUS

The promises are those of `promises.py`, and at most 1.5 GB of memory. Arguments go to libFuzzer, which adds the
pages it learns from to the folder CORPUS. What breaks a promise is written to `crash-…`; cut down
(`-minimize_crash=1`) it belongs into `tests/extraction/fuzzed/`, which the tests replay and the fuzzer starts from.
Twenty minutes (450,000 pages) on a busy core found nothing to add. Needs `pip install atheris`.

libFuzzer is guided by coverage, and sees it for Python bytecode alone: here that is the charset ladder and the wrapper
around the engine. The scanner and all behind it are machine code made by Numba, which is not instrumented. So most
changes are made by a mutator that knows markup (tags, attributes, entities, charsets; cut, copied, nested, left open),
and NUMBA_BOUNDSCHECK makes every index outside an array an IndexError instead of a silent read; it needs a
cache of its own, and compiles for a minute. 400 pages of up to 4 KB a second on a busy core.
"""

import random
import sys

import atheris

# Loaded before the rest is instrumented: Numba does not compile instrumented functions.
from skypile.extraction.fast.engine import warm_up
from skypile.extraction.fast.tags import TAGS

with atheris.instrument_imports(include=["skypile.crawl.charset", "skypile.extraction.engines"]):
    from tests.extraction.promises import FUZZED, check

MAX_BYTES = 4096
TOKENS = (
    b"<!--", b"-->", b"<!doctype html>", b"<![CDATA[", b"<?", b"</", b"<", b">", b"&", b"&#", b"&#x110000;", b"&#0;",
    b"&nbsp;", b"&copy", b"&NotEqualTilde;", b"&#128;", b"\x00", b"\xff", b"\xe2\x80\x8b", b"\xcc\x81", b"\xef\xbb\xbf",
    b"\xff\xfe", b"<meta charset=gbk>", b"<meta charset=utf-16>", b"<meta charset=shift_jis>", b"\xd6\xd0\xce\xc4",
    b"<title>One</title>", b"<meta name=description content='x y'>", b"<script type=application/ld+json>",
    b'{"@type":"Article"}', b"</script", b"A sentence of nine words that could be content here. ",
    "一句可能是正文的话。".encode(), b" class='post-body articleText'", b" id=nav", b" style='display:none'",
    b" hidden", b" href=/a", b"='", b'="', b"/", b"\r\n", b"\t", b"\n\n",
)  # fmt: skip


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """One to eight edits of a page, each of which knows what markup looks like."""
    draw = random.Random(seed)
    page = bytearray(data)
    for _ in range(draw.randint(1, 8)):
        at, size = draw.randint(0, len(page)), draw.choice((1, 4, 16, 64, 256))
        piece = bytes(page[at : at + size])
        tag = draw.choice(TAGS).encode()
        match draw.randrange(8):
            case 0:
                page[at:at] = draw.choice(TOKENS)
            case 1:
                page[at:at] = b"<" + tag + b">"
            case 2:
                page[at:at] = b"</" + tag + b">"
            case 3:
                page[at : at + size] = b"<" + tag + b">" + piece + b"</" + tag + b">"
            case 4:
                page[at : at + size] = piece * draw.randint(2, 40)
            case 5:
                del page[at : at + size]
            case 6:
                place = draw.randint(0, len(page))
                page[place:place] = piece
            case 7:
                page = bytearray(atheris.Mutate(bytes(page) or b"<p>", max_size))
        del page[max_size:]
    return bytes(page)


def main() -> None:
    warm_up()
    memory, length = "-rss_limit_mb=1500", f"-max_len={MAX_BYTES}"
    arguments = [sys.argv[0], memory, length, "-timeout=20", *sys.argv[1:], str(FUZZED)]
    atheris.Setup(arguments, check, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

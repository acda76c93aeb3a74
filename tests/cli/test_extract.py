"""`extract`: one page, wherever it lies."""

import gzip
import json
import subprocess
import sys

import pytest

from skypile.run_folder import ledger
from tests.cli.test_cli import skypile
from tests.conftest import REPOSITORY
from tests.crawls import article, response, write_warc

URLS = [f"http://a.example/{topic}" for topic in ("canal", "bridge", "mill")]


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    return write_warc(
        tmp_path_factory.mktemp("extract") / "deep" / "a.warc.gz", {url: article(url.rsplit("/")[-1]) for url in URLS}
    )


def test_a_page_from_a_file_and_from_standard_input(tmp_path):
    page = tmp_path / "page.html"
    page.write_bytes(article("old canal").replace(b"<title>old canal", "<title>運河".encode("big5")))
    page.write_bytes(b'<meta charset="big5">' + page.read_bytes())
    done = skypile("extract", str(page))
    assert (
        done.returncode == 0 and done.stdout.startswith("old canal\n\nThe old canal was described") and not done.stderr
    )
    assert all(
        line == "" or line.lower().startswith(("the old canal", "old canal")) for line in done.stdout.splitlines()
    )
    told = json.loads(skypile("extract", str(page), "--url", "http://b.example/x", "--json").stdout)
    assert (told["url"], told["host"], told["title"]) == ("http://b.example/x", "b.example", "運河")
    assert (told["charset"], told["language"], told["verdict"]) == ("big5hkscs", "en", "kept")
    command = [sys.executable, "-m", "skypile.cli", "extract", "-"]
    piped = subprocess.run(command, cwd=REPOSITORY, input=page.read_bytes(), capture_output=True, check=True)
    assert piped.stdout.decode() == done.stdout


def test_neither_language_nor_length_keeps_a_text_back(tmp_path):
    page = tmp_path / "seite.html"
    sentence = "Der Kanal wurde im Jahre neunzehnhundert von vielen Besuchern beschrieben, und alle sind sich einig. "
    page.write_text(f"<html><body><article><h1>Kanal</h1><p>{sentence * 5}</p></article></body></html>")
    done = skypile("extract", str(page))
    assert done.returncode == 0 and "neunzehnhundert" in done.stdout
    page.write_text("<html><body></body></html>")
    empty = skypile("extract", str(page))
    assert empty.returncode == 1 and empty.stdout == "" and "no text: no_text: no main text" in empty.stderr


def test_a_record_of_an_archive_by_url_id_and_offset(crawl, tmp_path):
    done = skypile("run", "--until", "extraction", "--output", str(tmp_path / "run"), str(crawl.parent.parent))
    assert done.returncode == 0, done.stderr
    [verdict] = ledger.why(str(tmp_path / "run"), URLS[1])  # known as deep/a.warc.gz there
    by_url = skypile("extract", str(crawl), "--url", URLS[1])
    assert by_url.stdout.startswith("bridge\n\nThe bridge was described")
    assert skypile("extract", str(crawl), "--record", verdict.record_id).stdout == by_url.stdout
    offset = len(gzip.compress(response(URLS[0], article("canal")), 1, mtime=0))
    told = json.loads(skypile("extract", f"{crawl}#{offset}", "--json").stdout)
    assert (told["url"], told["offset"], told["text"] + "\n") == (URLS[1], offset, by_url.stdout)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "holds many records: name one by --url, --record or as"),
        (("--url", "http://a.example/none"), "no record of"),
        (("--record", "0" * 32), "has record id 000"),
    ],
)
def test_what_names_no_record_is_one_sentence(crawl, options, message):
    done = skypile("extract", str(crawl), *options)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    missing = skypile("extract", f"{crawl}#1")
    assert missing.returncode == 2 and "has offset 1" in missing.stderr

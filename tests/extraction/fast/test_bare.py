"""Pages with no site around their text, or hardly one, in scripts the model has seen and in others."""

import pytest

from skypile.extraction.engines import extract

TEXTS = {
    "English": "The ferry crossed the strait twice a day in summer, and once in winter when the ice allowed it. "
    "Nobody in the village remembered a year without it, and nobody wished to.",
    "filler": "Lorem ipsum dolor sit amet, consectetur adipisicing elit, sed do eiusmod tempor incididunt ut labore. "
    "Ut enim ad minim veniam, quis nostrud exercitation.",
    "Chinese": "渡轮夏天每天往返海峡两次，冬天冰面允许时只有一次。村里没有人记得哪一年没有它，也没有人希望没有它。",
    "Russian": "Паром пересекал пролив дважды в день летом и один раз зимой, когда позволял лед. Так было всегда.",
    "Greek": "Το πλοίο περνούσε το στενό δύο φορές την ημέρα το καλοκαίρι. Κανείς δεν θυμόταν χρόνο χωρίς αυτό.",
}
PAGES = {
    "a lone paragraph": "<p>{0}</p>",
    "no markup": "{0}",
    "a menu and a paragraph": "<nav><a href=/a>Home</a> <a href=/b>About us</a></nav><p>{0}</p>",
    "a header and a paragraph": "<header><h1>Harbour Gazette</h1></header><main><p>{0}</p></main>",
    "a paragraph and a footer": "<p>{0}</p><footer>Imprint <a href=/p>Privacy</a></footer>",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_paragraph_with_hardly_a_site_around_it_is_main_text(page, text):
    found = extract(page.format(text).encode(), "https://example.org/a", engine="fast").text
    assert text in found
    assert "Home" not in found
    assert "Imprint" not in found


@pytest.mark.parametrize(
    "html",
    [
        "<nav><a href=/a>Home</a></nav><p>404 Not Found</p>",
        "<nav>x</nav>" + "".join(f"<p><a href=/{i}>Read the story of boat number {i}</a>" for i in range(9)),
        "<form><p>We and our partners store cookies on your device, for purposes that are listed below in full. "
        "Accept all?</p><button>Yes</button></form><p>Loading</p>",
        "<nav>x</nav>" + "".join(f"<div>Laptop {i}</div><div>{i}99.00</div>" for i in range(9)),
    ],
    ids=["notice", "links", "consent", "short blocks"],
)  # fmt: skip
def test_a_page_without_prose_of_its_own_has_no_text(html):
    assert not extract(html.encode(), "https://example.org/a", engine="fast").text

"""How natural bytes look as Chinese, Japanese or Korean text in each multi-byte charset.

By the share of the language's most frequent characters. Of 420 real Chinese pages, written as GBK and as Big5, the
right table gave 0.147 at least and 0.39 in the median, the wrong ones (Shift-JIS, EUC-JP and EUC-KR too) 0.067 at most.
"""

import re
from typing import Final

SAMPLE_BYTES = 16384  # from the first byte over 127 on; what looking natural is judged by
NATURAL = 0.12  # share of frequent characters: the text is what it looks like
UNNATURAL = 1 / 12  # the text is in another charset, if there is one in which it looks natural
MIN_JUDGED = 8  # characters; fewer show nothing

_HANS = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然"
    "家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实日者意无力与长机十民第"
    "公工使情明性知全三关点正业外将两高间由问最重并物手应文体政美相见被利二等产新制加月合回特代内信表化老给世位次度"
)
_HANT = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然"
    "家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心本前開但因只從想實日者意無力與長機十民第"
    "公工使情明性知全三關點正業外將兩高間由問最重並物手應文體政美相見被利二等產新制加月合回特代內信表化老給世位次度"
)
_KANA = "のにはをたがでとしれさいなかるもてくりあっすうらこきまんえよスントルーイリラシクアフドレジコロマムタ"
_HANGUL = "이다는의에을를가한고하지로기사은도자인시어서대리일해수들있정그전부아보나동제과상주유스장으라성안여게"
TABLES: Final = {
    "gb18030": frozenset(_HANS + _HANT),
    "big5hkscs": frozenset(_HANT),
    "cp932": frozenset(_KANA + "日本人年大一国中"),
    "euc_jp": frozenset(_KANA + "日本人年大一国中"),
    "cp949": frozenset(_HANGUL),
}

# Not full-width punctuation, which GB2312, EUC-JP and EUC-KR write with the same bytes.
_FOREIGN = re.compile(r"[^\x00-\x7f\u3000-\u303f\uff00-\uff60]+")


def sample(body: bytes) -> bytes:
    """SAMPLE_BYTES from the first byte beyond ASCII on."""
    try:
        body.decode("ascii")
    except UnicodeDecodeError as error:
        return body[error.start : error.start + SAMPLE_BYTES]
    return b""


def naturalness(sampled: bytes, codec: str) -> tuple[float, int]:
    """Share of the frequent characters of `codec`'s language among the foreign characters, and their number."""
    text = "".join(_FOREIGN.findall(sampled.decode(codec, "replace")))
    return (sum(map(TABLES[codec].__contains__, text)) / len(text) if text else 0.0), len(text)


def most_natural(body: bytes) -> tuple[str, float]:
    """The multi-byte charset in which the page looks most natural, and how much so; 0 if it shows too little."""
    sampled = sample(body)
    best = ("gb18030", 0.0)
    for codec in TABLES:
        share, judged = naturalness(sampled, codec)
        if judged >= MIN_JUDGED and share > best[1]:
            best = (codec, share)
    return best

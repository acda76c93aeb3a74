"""Benchmark items as they turn up in pages, and passages that only look like them."""

import random
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from skypile.decontamination.items import Item

Carrier = list[str]  # paragraphs of a page

_LABELS: Sequence[Callable[[int], str]] = (
    lambda i: f"{'ABCDEFGH'[i]}. ",
    lambda i: f"({'ABCDEFGH'[i]}) ",
    lambda i: f"{'ABCDEFGH'[i]}、",
    lambda i: f"{i + 1}. ",
    lambda i: "",
)
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|[二三四五六七八九](?=[个只天年岁元人次条])")
_ENDS = re.compile(r"(?<=[.?!。？！；])\s*")


def written(item: Item, drawn: random.Random, between: str = "\n") -> str:
    """An item with its choices under labels of some kind."""
    label = drawn.choice(_LABELS)
    return between.join([item.question, *(f"{label(i)}{choice}" for i, choice in enumerate(item.choices))])


def verbatim(item: Item, page: Carrier, drawn: random.Random) -> str:
    """The item at the head of the page, in its first line's paragraph."""
    return "\n".join([written(item, drawn), *page])


def paragraph(item: Item, page: Carrier, drawn: random.Random) -> str:
    """A paragraph of its own, somewhere."""
    at = drawn.randrange(len(page) + 1)
    return "\n\n".join([*page[:at], written(item, drawn), *page[at:]])


def short_lines(item: Item, page: Carrier, drawn: random.Random) -> str:
    """In lines of eight words, or twelve characters."""
    text = written(item, drawn, " ")
    words = text.split()
    if sum(map(len, words)) / len(words) < 12:
        lines = [" ".join(words[i : i + 8]) for i in range(0, len(words), 8)]
    else:
        lines = [text[i : i + 12] for i in range(0, len(text), 12)]
    at = drawn.randrange(len(page) + 1)
    return "\n\n".join([*page[:at], "\n".join(lines), *page[at:]])


def inline(item: Item, page: Carrier, drawn: random.Random) -> str:
    """Within a paragraph's sentence, in quotation marks or none."""
    at = drawn.randrange(len(page))
    cut = drawn.randrange(len(page[at]) + 1)
    opening, closing = drawn.choice([("“", "”"), ("", ""), (" - ", " - "), ("「", "」")])
    quoted = f"{opening}{written(item, drawn, ' ')}{closing}"
    return "\n\n".join([*page[:at], f"{page[at][:cut]} {quoted} {page[at][cut:]}", *page[at + 1 :]])


def edited(item: Item, page: Carrier, drawn: random.Random) -> str:
    """A paragraph of its own, every number another one."""

    def other(found: re.Match[str]) -> str:
        if not found[0][0].isdigit():
            return drawn.choice("二三四五六七八九")
        return str(int(float(found[0].replace(",", ""))) + drawn.randint(1, 40))

    text = _NUMBER.sub(other, written(item, drawn))
    at = drawn.randrange(len(page) + 1)
    return "\n\n".join([*page[:at], text, *page[at:]])


def split(item: Item, page: Carrier, drawn: random.Random) -> str:
    """Two or three parts, broken at the ends of sentences, with a paragraph of the page between."""
    sentences = [part for part in _ENDS.split(written(item, drawn)) if part.strip()]
    if len(sentences) < 2:
        half = len(item.question) // 2
        sentences = [item.question[:half], written(item, drawn)[half:]]
    count = min(len(sentences), drawn.choice([2, 3]))
    cuts = [0, *sorted(drawn.sample(range(1, len(sentences)), count - 1)), len(sentences)]
    parts = [" ".join(sentences[a:b]) for a, b in pairwise(cuts)]
    at = drawn.randrange(len(page) + 1)
    between = [paragraph for paragraph in page if len(paragraph) < 1500] or [page[0][:500]]
    mixed = [piece for part in parts for piece in (part, drawn.choice(between))][:-1]
    return "\n\n".join([*page[:at], *mixed, *page[at:]])


FORMS = {
    "verbatim": verbatim,
    "own paragraph": paragraph,
    "short lines": short_lines,
    "inline": inline,
    "edited numbers": edited,
    "split": split,
}

_FOUR_SCORE = (
    "Four score and seven years ago our fathers brought forth on this continent, a new nation, conceived in Liberty, "
    "and dedicated to the proposition that all men are created equal."
)
_MOON = "床前明月光，疑是地上霜。举头望明月，低头思故乡。"
_LOUSHI = "山不在高，有仙则名。水不在深，有龙则灵。斯是陋室，惟吾德馨。苔痕上阶绿，草色入帘青。"
_MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
    "documentation files, to deal in the Software without restriction"
)

# (item, what pages say that do not hold it): items around a formula, a quotation, an instruction, a notice.
HARD: tuple[tuple[Item, str], ...] = (
    (
        Item("hard", "quotation", f"{_FOUR_SCORE} To which document does this speech allude?",
             ("The Constitution", "The Declaration of Independence", "The Bill of Rights")),
        f"He began: “{_FOUR_SCORE}” Nobody in the crowd had expected him to be so brief.",
    ),
    (
        Item("hard", "poem", f"下面这首诗的作者是谁？{_MOON}", ("杜甫", "李白", "王维", "白居易")),
        f"小时候奶奶教我背的第一首诗就是《静夜思》：{_MOON}那时候并不懂得思乡。",
    ),
    (
        Item("hard", "prose", f"阅读文段，回答文中“馨”字的含义。{_LOUSHI}", ("香气", "品德高尚", "安静", "明亮")),
        f"书房的墙上挂着一幅字：“{_LOUSHI}”落款已经看不清楚。",
    ),
    (
        Item("hard", "formula", "Solve the quadratic equation x = (-b ± √(b² - 4ac)) / 2a for a = 1, b = -5 and c = 6; "
             "what is the larger of the two roots that you obtain?", ("2", "3", "5", "6")),
        "The roots of the quadratic equation are x = (-b ± √(b² - 4ac)) / 2a, provided that a is not zero.",
    ),
    (
        Item("hard", "truth table", "Complete the truth table for the following statement: (p ∧ q) → (r ∨ ¬p). In how "
             "many of its eight rows is the statement false?"),
        "In this chapter you will learn how to complete the truth table for the following statement forms and others.",
    ),
    (
        Item("hard", "instruction", "Choose the word or phrase that best completes the sentence: The committee has not "
             "yet ____ a decision on the proposal.", ("reached", "arrived", "done", "got")),
        "Part II. Choose the word or phrase that best completes the sentence. Mark your answer on the sheet.",
    ),
    (
        Item("hard", "instruction zh", "下列句子中，没有语病的一项是哪一句？请选出正确的答案。",
             ("通过这次活动使我们受到了教育", "他的写作水平明显改进了", "我们要发扬优良传统", "能否努力是成功的关键")),
        "第三题：下列句子中，没有语病的一项是哪一句？请选出正确的答案，并把序号填在答题卡上。",
    ),
    (
        Item("hard", "licence", f"Which licence has this clause? “{_MIT}”", ("MIT", "GPL", "Apache", "MPL")),
        f"{_MIT}, including without limitation the rights to use, copy, modify, merge, publish and distribute.",
    ),
    (
        Item("hard", "notice", "All rights reserved. No part of this publication may be reproduced without prior "
             "permission. What does the author forbid by this notice?", ("Reading", "Copying", "Lending")),
        "All rights reserved. No part of this publication may be reproduced without prior permission of the publisher.",
    ),
    (
        Item("hard", "prompt", "Answer the following multiple choice question. Think step by step before answering. "
             "A train leaves the harbour at noon; when does it arrive?", ("One", "Two", "Three")),
        "We prompt the model with: Answer the following multiple choice question. Think step by step before answering.",
    ),
)  # fmt: skip

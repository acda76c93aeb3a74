"""MathML without TeX beside it, into TeX: presentation elements only, each by the command that draws the same."""

import html as html_entities
import re
import unicodedata
from typing import Final

MAX_DEPTH: Final = 60  # deeper elements are written one after the other
_TAG: Final = re.compile(r"<(/?)([A-Za-z][\w:.-]*)([^<>]*)>|<!--.*?-->", re.DOTALL)
_COMMANDS: Final = {
    "∑": r"\sum", "∏": r"\prod", "∫": r"\int", "∬": r"\iint", "∮": r"\oint", "∞": r"\infty", "±": r"\pm",
    "∓": r"\mp", "×": r"\times", "÷": r"\div", "⋅": r"\cdot", "·": r"\cdot", "∗": "*", "−": "-", "≤": r"\le",
    "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "≡": r"\equiv", "∼": r"\sim", "≅": r"\cong", "∝": r"\propto",
    "→": r"\to", "←": r"\leftarrow", "↔": r"\leftrightarrow", "⇒": r"\Rightarrow", "⇔": r"\Leftrightarrow",
    "↦": r"\mapsto", "∈": r"\in", "∉": r"\notin", "⊂": r"\subset", "⊆": r"\subseteq", "⊃": r"\supset",
    "⊇": r"\supseteq", "∪": r"\cup", "∩": r"\cap", "∅": r"\emptyset", "∀": r"\forall", "∃": r"\exists",
    "¬": r"\neg", "∧": r"\wedge", "∨": r"\vee", "∂": r"\partial", "∇": r"\nabla", "√": r"\surd", "∘": r"\circ",
    "⊕": r"\oplus", "⊗": r"\otimes", "⊥": r"\perp", "∥": r"\parallel", "∠": r"\angle", "…": r"\ldots",
    "⋯": r"\cdots", "⋮": r"\vdots", "⋱": r"\ddots", "′": "'", "ℏ": r"\hbar", "ℓ": r"\ell", "⟨": r"\langle",
    "⟩": r"\rangle", "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil", "‖": r"\|", "{": r"\{",
    "}": r"\}", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$", "_": r"\_", "ℝ": r"\mathbb{R}", "ℕ": r"\mathbb{N}",
    "ℤ": r"\mathbb{Z}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}",
}  # fmt: skip
_GREEK: Final = [
    "α",
    "alpha",
    "β",
    "beta",
    "γ",
    "gamma",
    "δ",
    "delta",
    "ε",
    "varepsilon",
    "ϵ",
    "epsilon",
    "ζ",
    "zeta",
    "η",
    "eta",
    "θ",
    "theta",
    "ϑ",
    "vartheta",
    "ι",
    "iota",
    "κ",
    "kappa",
    "λ",
    "lambda",
    "μ",
    "mu",
    "ν",
    "nu",
    "ξ",
    "xi",
    "π",
    "pi",
    "ρ",
    "rho",
    "σ",
    "sigma",
    "ς",
    "varsigma",
    "τ",
    "tau",
    "υ",
    "upsilon",
    "φ",
    "varphi",
    "ϕ",
    "phi",
    "χ",
    "chi",
    "ψ",
    "psi",
    "ω",
    "omega",
    "Γ",
    "Gamma",
    "Δ",
    "Delta",
    "Θ",
    "Theta",
    "Λ",
    "Lambda",
    "Ξ",
    "Xi",
    "Π",
    "Pi",
    "Σ",
    "Sigma",
    "Υ",
    "Upsilon",
    "Φ",
    "Phi",
    "Ψ",
    "Psi",
    "Ω",
    "Omega",
]
_SIGNS: Final = _COMMANDS | {_GREEK[k]: "\\" + _GREEK[k + 1] for k in range(0, len(_GREEK), 2)}
_FUNCTIONS: Final = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "sinh",
        "cosh",
        "tanh",
        "arcsin",
        "arccos",
        "arctan",
        "log",
        "ln",
        "lg",
        "exp",
        "lim",
        "max",
        "min",
        "sup",
        "inf",
        "det",
        "dim",
        "gcd",
        "ker",
        "arg",
        "Pr",
    ]
)
_STYLES: Final = {
    "DOUBLE-STRUCK": "mathbb", "FRAKTUR": "mathfrak", "SCRIPT": "mathcal", "MONOSPACE": "mathtt",
    "SANS-SERIF": "mathsf", "BOLD": "mathbf",
}  # fmt: skip
_PRESCRIPTS: Final = "\0"  # in a list of parts: those after it stand before the base
_INVISIBLE: Final = dict.fromkeys([0x2061, 0x2062, 0x2063, 0x2064, 0x200B, 0xFEFF])
_ACCENTS: Final = {
    "¯": "bar", "‾": "overline", "^": "hat", "ˆ": "hat", "~": "tilde", "˜": "tilde", "→": "vec", "⃗": "vec", "˙": "dot",
    "¨": "ddot", "ˇ": "check", "˘": "breve", "⏞": "overbrace", "_": "bar", "-": "bar", "−": "bar",
}  # fmt: skip
_FENCES: Final = {"{": r"\{", "}": r"\}", "": "."}


def tex_of(source: bytes) -> str:
    """TeX of the first element of `source`, a <math> element in UTF-8.

    >>> tex_of(b"<math><mfrac><mi>a</mi><msup><mi>b</mi><mn>2</mn></msup></mfrac></math>")
    '\\\\frac{a}{b^2}'
    """
    text = source.decode("utf-8", "replace")
    stack: list[tuple[str, str, list[str]]] = [("math", "", [])]
    at = 0
    for tag in _TAG.finditer(text):
        _add_text(stack, text[at : tag.start()])
        at = tag.end()
        if tag[2] is None:
            continue
        name = tag[2].rpartition(":")[2].lower()
        if tag[1]:
            if any(name == open_ for open_, _, _ in stack[1:]):
                while len(stack) > 1:
                    closed = stack[-1][0]
                    _close(stack)
                    if closed == name:
                        break
        elif tag[3].endswith("/") or name in ("mspace", "mprescripts", "none"):
            blank = r"\ " if name == "mspace" and stack[-1][0] == "mtext" else ""
            stack[-1][2].append(_PRESCRIPTS if name == "mprescripts" else blank)
        elif len(stack) < MAX_DEPTH:
            stack.append((name, tag[3], []))
    _add_text(stack, text[at:])
    while len(stack) > 1:
        _close(stack)
    return _row(stack[0][2])


def _add_text(stack: list[tuple[str, str, list[str]]], text: str) -> None:
    if text and not text.isspace() and not stack[-1][0].startswith("annotation"):
        stack[-1][2].append(html_entities.unescape(text))


def _close(stack: list[tuple[str, str, list[str]]]) -> None:
    name, attributes, parts = stack.pop()
    if not name.startswith("annotation"):
        stack[-1][2].append(_element(name, attributes, parts))


def _element(name: str, attributes: str, parts: list[str]) -> str:
    """TeX of an element by its name, its attributes and the TeX of its children."""
    if name in ("mi", "mn", "mo", "ms", "mtext"):
        return _token(name, attributes, "".join(parts))
    if name in ("mphantom",):
        return ""
    if name == "msqrt":
        return rf"\sqrt{{{_row(parts)}}}"
    if name == "mfenced":
        marks = dict(re.findall(r"""(open|close|separators)\s*=\s*["']([^"']*)["']""", attributes))
        left, right = marks.get("open", "("), marks.get("close", ")")
        comma = marks.get("separators", ",")[:1]
        return rf"\left{_FENCES.get(left, left)} {f'{comma} '.join(parts)} \right{_FENCES.get(right, right)}"
    if name == "mtable":
        return r"\begin{matrix} " + r" \\ ".join(parts) + r" \end{matrix}"
    if name in ("mtr", "mlabeledtr"):
        return " & ".join(parts)
    a, b, c = (*parts, "", "", "")[:3]
    if name == "mfrac":
        thickness = re.search(r"""linethickness\s*=\s*["']0""", attributes)
        return rf"\{'binom' if thickness else 'frac'}{{{a}}}{{{b}}}"
    if name == "mroot":
        return rf"\sqrt[{b}]{{{a}}}"
    if name == "msup":
        return f"{_base(a)}'" if b == "'" else f"{_base(a)}^{_group(b)}"
    if name == "msub":
        return f"{_base(a)}_{_group(b)}"
    if name == "msubsup":
        return f"{_base(a)}_{_group(b)}^{_group(c)}"
    if name == "munderover":
        return f"{_base(a)}_{_group(b)}^{_group(c)}"
    if name == "munder":
        return rf"\underline{{{a}}}" if b in ("_", r"\_", "¯", "‾") else f"{_base(a)}_{_group(b)}"
    if name == "mover":
        accent = _ACCENTS.get(b, "vec" if b == r"\to" else "")
        return rf"\{accent}{{{a}}}" if accent else f"{_base(a)}^{_group(b)}"
    if name == "mmultiscripts":
        split = parts.index(_PRESCRIPTS) if _PRESCRIPTS in parts else len(parts)
        before, after = _scripts(parts[split + 1 :]), _scripts(parts[1:split])
        return f"{'{}' if before else ''}{before}{_base(parts[0] if split else '')}{after}"
    if name == "semantics":
        return a
    return _row(parts)


def _token(name: str, attributes: str, text: str) -> str:
    text = " ".join(text.translate(_INVISIBLE).split())
    if name in ("mtext", "ms"):
        return rf"\text{{{text}}}" if text else ""
    if text in _FUNCTIONS:
        return "\\" + text
    tex = _row([_sign(sign) for sign in text])
    if name == "mi" and len(text) > 1 and text.isalpha() and text.isascii():
        return rf"\mathrm{{{text}}}"
    if "bold" in attributes and text:
        return rf"\mathbf{{{tex}}}"
    return tex


def _row(parts: list[str]) -> str:
    """Parts side by side, with a blank where a command would run into a letter."""
    out: list[str] = []
    for part in parts:
        if out and part and re.search(r"\\[A-Za-z]+\Z", out[-1][-40:]) and part[0].isalpha():
            out.append(" ")
        if part:
            out.append(part)
    return "".join(out)


def _group(tex: str) -> str:
    return tex if len(tex) == 1 or re.fullmatch(r"\\[A-Za-z]+", tex) else f"{{{tex}}}"


def _scripts(parts: list[str]) -> str:
    """Pairs of subscript and superscript, either of which may be empty."""
    pairs = [
        (f"_{_group(below)}" if below else "") + (f"^{_group(above)}" if above else "")
        for below, above in zip(parts[::2], parts[1::2], strict=False)
    ]
    return "{}".join(filter(None, pairs))


def _sign(sign: str) -> str:
    """A character by the command that draws the same; of the mathematical alphabets, the letter in its style."""
    if not "\U0001d400" <= sign <= "\U0001d7ff":
        return _SIGNS.get(sign, sign)
    letter, words = unicodedata.normalize("NFKC", sign), unicodedata.name(sign, "").split()
    tex = _SIGNS.get(letter, letter)
    return next((rf"\{command}{{{tex}}}" for word, command in _STYLES.items() if word in words), tex)


def _base(tex: str) -> str:
    simple = len(tex) <= 1 or re.fullmatch(r"\\?[A-Za-z]+|\d+|\\[a-z]+\{[^{}]*\}|\\left.*\\right.{1,2}", tex, re.DOTALL)
    return tex if simple else f"{{{tex}}}"

"""Formulas as TeX, once each, from every markup that pages keep them in."""

import pytest

from skypile.extraction.fast.blocks import block_texts, cut
from skypile.extraction.fast.mathml import tex_of

TEX = r"\frac{m}{V} < 3"
SAFE = r"\frac{m}{V} &lt; 3"
MATHML = "<mfrac><mi>m</mi><mi>V</mi></mfrac><mo>&lt;</mo><mn>3</mn>"
ANNOTATED = f"<semantics><mrow>{MATHML}</mrow><annotation encoding='application/x-tex'>{SAFE}</annotation></semantics>"
GLYPHS = "<span class=mord>mV&lt;3</span>"

INLINE = {
    "annotation": f"<math>{ANNOTATED}</math>",
    "alttext": f"<math alttext='{SAFE}'><mi>m</mi></math>",
    "markup": f"<math xmlns='http://www.w3.org/1998/Math/MathML'>{MATHML}</math>",
    "KaTeX": f"<span class=katex><span class=katex-mathml><math>{ANNOTATED}</math></span>"
    f"<span class=katex-html aria-hidden=true>{GLYPHS}</span></span>",
    "MathJax 2": f"<span class=MathJax_Preview>mV</span><span class=MathJax>{GLYPHS}</span>"
    f"<script type='math/tex'>{TEX}</script>",
    "MathJax 2, MathML": f"<span class=MathJax_Preview></span><span class=MathJax data-mathml='&lt;math&gt;x'>"
    f"{GLYPHS}<span class=MJX_Assistive_MathML><math>{MATHML}</math></span></span><script type=math/tex>{TEX}</script>",
    "MathJax 3": "<mjx-container class=MathJax jax=CHTML><mjx-math aria-hidden=true><mjx-c class=x></mjx-c></mjx-math>"
    f"<mjx-assistive-mml><math>{MATHML}</math></mjx-assistive-mml></mjx-container>",
    "MathJax 4": f"<mjx-container class=MathJax><mjx-math data-latex='{SAFE}' aria-hidden=true><mjx-mi data-latex=m>m"
    "</mjx-mi></mjx-math></mjx-container>",
    "MathJax 2, script of MathML": f"<span class=MathJax>{GLYPHS}</span>"
    f"<script type='math/mml'><math>{MATHML}</math></script>",
    "prefix": f"<mml:math xmlns:mml='x'>{MATHML.replace('</', '</mml:').replace('<m', '<mml:m')}</mml:math>",
    "prefix, annotation": f"<m:math>{ANNOTATED}</m:math>".replace("</", "</m:")
    .replace("</m:m:", "</m:")
    .replace("<an", "<m:an"),
    "picture of mimeTeX": "<img src='/cgi-bin/mimetex.cgi?\\frac{m}{V} &lt; 3'>",
    "picture of Google": "<img src='http://chart.example/chart?cht=tx&amp;chl=%5Cfrac%7Bm%7D%7BV%7D+%3C+3'>",
    "picture of CodeCogs": "<img src='https://latex.codecogs.com/svg.image?\\frac{m}{V}&amp;space;%3C&amp;space;3'>",
    "picture of class equation": f"<img class=equation src='/equation?tex=x' alt='{SAFE}'>",
    "Wikipedia": "<span class=mwe-math-element><span class=mwe-math-mathml-inline style='display: none;'>"
    rf"<math alttext='{{\displaystyle {SAFE}}}'>{ANNOTATED}</math></span>"
    rf"<img class=mwe-math-fallback-image-inline aria-hidden=true alt='{{\displaystyle {SAFE}}}'></span>",
    "picture with TeX": f"<img class=latex src=a.png alt='{SAFE}'>",
    "picture of a server": "<img src='https://tex.example/latex.php?latex=%5Cfrac%7Bm%7D%7BV%7D+%3C+3&amp;bg=f'>",
    "equation address": f"<img src='https://q.example/equation?tex=x' alt='{SAFE}' eeimg=1>",
    "data-tex": f"<span class=ztext-math data-tex='{SAFE}'>{GLYPHS}</span>",
    "data-formula": f"<span data-formula='{SAFE}'><svg><path/></svg></span>",
    "Quill": f"<span class=ql-formula data-value='{SAFE}'>{GLYPHS}</span>",
}


def text(html: str) -> str:
    return "\n\n".join(block_texts(cut(html.encode())[0]))


@pytest.mark.parametrize("markup", INLINE)
def test_a_formula_in_a_line_is_written_once(markup):
    found = text(f"<p>So {INLINE[markup]} holds.</p><p>After.</p>")
    assert found.replace(" ", "") == f"So${TEX}$holds.\n\nAfter.".replace(" ", "")


@pytest.mark.parametrize(
    "html",
    [
        f"<math display=block>{ANNOTATED}</math>",
        f"<script type='math/tex; mode=display'>{TEX}</script>",
        f"<span class=katex-display><span class=katex><span class=katex-mathml><math>{ANNOTATED}</math></span>"
        f"<span class=katex-html aria-hidden=true>{GLYPHS}</span></span></span>",
        f"<img class=mwe-math-fallback-image-display alt='{SAFE}'>",
    ],
)
def test_a_displayed_formula_has_a_line_of_its_own(html):
    assert text(f"<p>So {html} holds.</p>") == f"So\n$${TEX}$$\nholds."


@pytest.mark.parametrize(
    "html",
    [
        "<p>x <img class=photo alt='A ship in Bergen' src=/context/text.jpg> y</p>",
        "<p>x <img src=text.png alt='C:\\temp'> y</p>",
        "<p>x <span data-math=true data-expr=12></span> y</p>",
        "<div class=mathjax>x y</div>",
        "<p class=tex2jax_process>x y</p>",
    ],
)
def test_what_is_no_formula_stays_as_it_is(html):
    assert text(html) == "x y"


@pytest.mark.parametrize(
    "mathml, tex",
    [
        ("<msub><mi>y</mi><mrow><mi>i</mi><mo>+</mo><mn>1</mn></mrow></msub>", "y_{i+1}"),
        ("<msqrt><mi>α</mi><mi>b</mi></msqrt>", r"\sqrt{\alpha b}"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", r"\sqrt[3]{x}"),
        ("<munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover><mi>i</mi>", r"\sum_i^ni"),
        ("<mi>sin</mi><mo>&#8289;</mo><mi>t</mi>", r"\sin t"),
        ("<mover><mi>v</mi><mo>→</mo></mover>", r"\vec{v}"),
        ("<mtable><mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr><mtr><mtd><mi>c</mi></mtd><mtd><mi>d</mi></mtd></mtr></mtable>",
         r"\begin{matrix} a & b \\ c & d \end{matrix}"),
        ("<mmultiscripts><mi>C</mi><mn>1</mn><none/><mprescripts/><mn>6</mn><mn>14</mn></mmultiscripts>",
         "{}_6^{14}C_1"),
        ("<mmultiscripts><mi>R</mi><mi>i</mi><none/><none/><mi>j</mi></mmultiscripts>", "R_i{}^j"),
        ("<mi>𝑥</mi><mo>&#x2208;</mo><mi>𝕂</mi><mo>,</mo><mi>𝛽</mi><mi>𝐯</mi>", r"x\in\mathbb{K},\beta\mathbf{v}"),
        ("<mtext>if</mtext><mi>x</mi><mo>≤</mo><mi>y</mi>", r"\text{if}x\le y"),
    ],
)  # fmt: skip
def test_mathml_without_tex(mathml, tex):
    assert tex_of(f"<math>{mathml}</math>".encode()) == tex


def test_a_picture_from_a_folder_of_formulas_is_one():
    assert text("<div class=math><p><img src='_images/math/7a.png' alt='x &amp;= a^2'></div>") == "$x &= a^2$"
    assert text("<p>x <img src='_images/maths/7a.png' alt='a = b'> y") == "x y"


@pytest.mark.parametrize(
    "said, tex",
    [
        (r"E = \frac{1}{2} m v", r"E = \frac{1}{2} m v"),
        (r"\text{rate of change} = k t", r"\text{rate of change} = k t"),
        ("a b = c^2", "a b = c^2"),
        ("x squared + y = z", "x^2"),
        ("sum_(i=1)^n i", "x^2"),
    ],
)
def test_the_alternative_of_mathml_is_used_where_it_is_tex(said, tex):
    html = f"<p>So <math alttext='{said}'><msup><mi>x</mi><mn>2</mn></msup></math> holds.</p>"
    assert text(html) == f"So ${tex}$ holds."


def test_deep_mathml_costs_no_more_than_its_size():
    deep = b"<math>" + b"<msup>" * 20_000 + b"<mi>x</mi>" + b"</msup>" * 20_000 + b"</math>"
    assert len(tex_of(deep)) < len(deep)

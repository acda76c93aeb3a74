"""From losses to words: which signs of leakage a model shows, and what they can mean and cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from skypile.leakage.deltas import Calibrated, Interval, Split, calibrated, interval, split
from skypile.leakage.measure import ORDERED, REFERENCE, TEST, TRAIN, ItemLosses, Measured
from skypile.leakage.order import order_p

ALPHA: Final = 0.01  # of a sign in a clean model, all tests of it together (Bonferroni's rule)

TRAIN_LEARNT, TEST_LEARNT, TEST_CHEAP = "train_learnt", "test_learnt", "test_cheap"
ORDER_LEARNT = {TEST: "test_order_learnt", TRAIN: "train_order_learnt"}


@dataclass(frozen=True)
class Finding:
    """What was found of one model.

    Attributes:
        model: its name.
        clean: whether it was given as clean.
        losses: nats per token by set.
        delta1: L_test - L_reference.
        delta2: L_test - L_train.
        calibrated: Delta1 less that of the clean models; None without such, and for them.
        split: Delta2 against other splits.
        order: p of the published order by set; empty where it was not asked for, or of fewer items than a run has.
        threshold: p below which something is a sign.
        signs: those it shows, of `train_learnt`, `test_learnt`, `test_cheap`, `test_order_learnt`,
            `train_order_learnt`.
        verdict: what they mean, in sentences.
    """

    model: str
    clean: bool
    losses: dict[str, float]
    delta1: Interval
    delta2: Interval
    calibrated: Calibrated | None
    split: Split
    order: dict[str, float]
    threshold: float
    signs: tuple[str, ...]
    verdict: tuple[str, ...]


def judge(models: Sequence[Measured], clean: Sequence[Measured] = (), seed: int = 0) -> list[Finding]:
    """A finding a model, those of the clean ones last. What is drawn depends on `seed` alone."""
    ordered = [_finding(one, (), True, {}, seed) for one in clean]
    suspicious = {name for one in ordered for name, sign in ORDER_LEARNT.items() if sign in one.signs}
    known = {name: name in suspicious for name in ORDERED}
    return [_finding(one, clean, False, known, seed) for one in models] + ordered


def _finding(one: Measured, clean: Sequence[Measured], is_clean: bool, known: dict[str, bool], seed: int) -> Finding:
    threshold = ALPHA / (1 + len(one.orders) + bool(clean))
    against = [_pair(other, REFERENCE) for other in clean]
    delta1 = calibrated(_pair(one, REFERENCE), against, seed, threshold) if clean else None
    found = split(_pair(one, TRAIN), [_pair(other, TRAIN) for other in clean], seed, threshold)
    order = {name: order_p(logs, seed) for name, logs in one.orders.items()}
    signs = []
    if found.p < threshold:
        signs.append(TRAIN_LEARNT if found.value > 0 else TEST_LEARNT)
    if delta1 and delta1.p < threshold:
        signs.append(TEST_CHEAP)
    signs += [ORDER_LEARNT[name] for name, p in order.items() if p < threshold]
    words = _of_clean(signs) if is_clean else _words(signs, delta1, found, order, known)
    return Finding(
        model=one.name,
        clean=is_clean,
        losses={name: losses.loss for name, losses in one.losses.items()},
        delta1=interval(*_pair(one, REFERENCE), seed),
        delta2=interval(*_pair(one, TRAIN), seed),
        calibrated=delta1,
        split=found,
        order=order,
        threshold=threshold,
        signs=tuple(signs),
        verdict=tuple(words),
    )


def _pair(one: Measured, other: str) -> tuple[ItemLosses, ItemLosses]:
    return one.losses[TEST], one.losses[other]


def _of_clean(signs: Sequence[str]) -> list[str]:
    """A clean model is judged by what needs no clean model."""
    if not signs:
        return ["Given as clean; nothing speaks against it that can be seen without another clean model."]
    return [
        f"Given as clean, but it shows {', '.join(signs)}: it has seen these items, or the split and the order of the "
        "items are not random; findings that rest on either mean little."
    ]


def _words(
    signs: Sequence[str], delta1: Calibrated | None, found: Split, order: dict[str, float], known: dict[str, bool]
) -> list[str]:
    size = f"{abs(found.value):.3f} nats a token, p {found.p:.2g}"
    said = []
    if TRAIN_LEARNT in signs:
        said.append(
            f"The train items are cheaper than the test items ({size}): "
            "they were trained on, or the split is not random."
        )
        if TEST_CHEAP in signs:
            said.append(
                "Whether the test items were too cannot be told: learning the train items makes their style cheaper, "
                "and with it the test items beside the look-alikes."
            )
        else:
            said.append("Nothing says that the test items were too.")
    if TEST_LEARNT in signs:
        said.append(
            f"The test items are cheaper than the train items ({size}): the test items were trained on, more than the "
            "train items if at all, or the split is not random."
        )
    if delta1 and TEST_CHEAP in signs:
        said.append(
            f"Beside the look-alikes the test items are {-delta1.value:.3f} nats a token cheaper than to the clean "
            f"models (p {delta1.p:.2g})."
        )
        if TRAIN_LEARNT not in signs and TEST_LEARNT not in signs:
            said.append(
                "The train items are as cheap as they: both sets were trained on, or much other text in their style "
                "was. Clean models that know that style, or look-alikes closer to the test, would tell which."
            )
    for name, p in order.items():
        if ORDER_LEARNT[name] in signs:
            but = (
                "a clean model finds so too, so the order tells itself (sorted by subject?) and this proves nothing"
                if known.get(name)
                else "the file was trained on as it is, or neighbouring items belong together"
            )
            said.append(f"The published order of the {name} items is likelier than shuffled ones (p {p:.2g}): {but}.")
    if not signs:
        said.append("No sign of training on these items.")
    said.append(_limits(signs, delta1, found))
    return said


def _limits(signs: Sequence[str], delta1: Calibrated | None, found: Split) -> str:
    """What would have been seen, and what not."""
    seen = [f"a difference between train and test of {found.visible:.3f}"]
    if delta1:
        seen.append(f"test items cheaper by {delta1.visible:.3f}")
        rest = ""
    else:
        rest = (
            " Delta1 was not judged: how hard the look-alikes are beside the test only clean models tell, and none was "
            "given, so training on both sets alike would stay unseen."
        )
    if signs:
        return rest.strip() or "Items seen rarely, or in other words, may add to this unseen."
    found_out = f"In four of five cases one would see {' or '.join(seen)} nats a token"
    return f"{found_out}; less, or items in other words, may hide.{rest}"

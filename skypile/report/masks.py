"""How many identifiers of people the quality filter masked, by kind, on all pages that it judged."""

import json
from dataclasses import dataclass
from typing import Any, Final

import pyarrow.compute as pc

from skypile.config.privacy import IDENTIFIERS
from skypile.report.documents import batches

# The kinds in words.
KINDS: Final = {
    "email": "e-mail addresses",
    "phone": "telephone numbers",
    "id_number": "Chinese identity numbers",
    "bank_card": "bank cards",
    "ip": "IP addresses",
    "qq": "QQ numbers",
    "wechat": "WeChat handles",
}


@dataclass
class Masked:
    kind: str
    asked: bool  # whether the settings have it masked
    masks: int = 0
    pages: int = 0  # that have any


def masks(folder: str, settings: dict[str, Any]) -> list[Masked]:
    """Masks of each kind in the quality filter's `folder`; `settings`: its table, as the manifest has it."""
    asked = settings.get("privacy", {}).get("mask", [])
    found = {kind: Masked(kind, kind in asked) for kind in IDENTIFIERS}
    for _, batch in batches("quality_filter", folder, ["masked"], where=pc.field("masked").is_valid()):
        for counts in map(json.loads, batch["masked"].to_pylist()):
            for kind, count in counts.items():
                found[kind].masks += count
                found[kind].pages += 1
    return list(found.values())

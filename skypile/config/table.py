"""All settings as the Markdown tables that stand in docs/settings.md."""

import json

from skypile.config import Config, Settings


def describe(table: type[Settings] = Config, prefix: str = "") -> str:
    """Markdown table of every setting, one section a TOML table."""
    rows, sections = [], []
    for name, field in table.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            sections.append(describe(field.annotation, f"{prefix}.{name}" if prefix else name))
            continue
        default = "unset" if field.default is None else json.dumps(field.get_default(call_default_factory=True))
        rows.append(f"| `{name}` | `{default}` | {(field.description or '').replace('|', '/')} |")
    head = f"**[{prefix}]** {(table.__doc__ or '').splitlines()[0]}\n\n| setting | default | meaning |\n|---|---|---|\n"
    own = head + "\n".join(rows) + "\n" if rows else ""
    return "\n".join([part for part in (own, *sections) if part])

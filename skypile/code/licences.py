"""The SPDX id of a file's licence: what it says itself, else what a LICENSE file above it holds.

Texts are known by sentences that each licence has and no other (SPDX licence list 3.25); one that is not known gives
null, never a guess. Of the GNU licences the id says the version alone, as the text does not say whether later ones may
be chosen.
"""

import re
from typing import Final

_NAMES: Final = re.compile(
    r"(?:un)?licen[cs]e(?:[-.](?:txt|md|rst|mit|apache|bsd|[\w.-]+))?|copying(?:\.\w+)?", re.IGNORECASE
)
_ID: Final = r"[A-Za-z0-9][A-Za-z0-9.+-]*"
_DECLARED: Final = re.compile(rf"SPDX-License-Identifier:[ \t]*\(?({_ID}(?:[ \t]+(?:AND|OR|WITH)[ \t]+\(?{_ID}\)?)*)")
HEAD: Final = 4096  # characters in which a file declares its licence
LONGEST: Final = 200_000  # of a licence's text

_SENTENCES: Final = (
    ("AGPL-3.0", "gnu affero general public license version 3"),
    ("LGPL-3.0", "gnu lesser general public license version 3"),
    ("LGPL-2.1", "gnu lesser general public license version 2.1"),
    ("LGPL-2.0", "gnu library general public license version 2"),
    ("GPL-3.0", "gnu general public license version 3"),
    ("GPL-2.0", "gnu general public license version 2"),
    ("MPL-2.0", "mozilla public license version 2.0"),
    ("MPL-1.1", "mozilla public license version 1.1"),
    ("EPL-2.0", "eclipse public license - v 2.0"),
    ("EPL-1.0", "eclipse public license - v 1.0"),
    ("Apache-2.0", "apache license version 2.0"),
    ("CC0-1.0", "cc0 1.0 universal"),
    ("CC-BY-SA-4.0", "attribution-sharealike 4.0 international"),
    ("CC-BY-4.0", "attribution 4.0 international"),
    ("Unlicense", "this is free and unencumbered software released into the public domain"),
    ("BSL-1.0", "boost software license - version 1.0"),
    ("Python-2.0", "python software foundation license version 2"),
    ("WTFPL", "do what the fuck you want to public license"),
    ("MulanPSL-2.0", "mulan permissive software license,version 2"),
    ("Artistic-2.0", "the artistic license 2.0"),
    ("Zlib", "altered source versions must be plainly marked as such"),
    ("ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is "
            "hereby granted, provided"),
    ("ISC", "permission to use, copy, modify, and distribute this software for any purpose with or without fee is "
            "hereby granted, provided"),
    ("0BSD", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is "
             "hereby granted."),
    ("MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"),
)  # fmt: skip
_BSD: Final = "redistribution and use in source and binary forms, with or without modification, are permitted"


def declared(text: str) -> str | None:
    """The licence that a file names, an SPDX expression.

    >>> declared("# SPDX-License-Identifier: MIT OR Apache-2.0\\n")
    'MIT OR Apache-2.0'
    """
    found = _DECLARED.search(text[:HEAD])
    return re.sub(r"[ \t]+", " ", found[1].replace("(", "").replace(")", "")) if found else None


def is_licence(path: str) -> bool:
    """Whether a path is that of a licence's text.

    >>> is_licence("a/LICENSE.txt"), is_licence("a/license.py")
    (True, False)
    """
    name = path.rpartition("/")[2]
    return bool(_NAMES.fullmatch(name)) and not name.lower().endswith((".py", ".js", ".go", ".rs", ".c", ".h", ".java"))


def identified(text: str) -> str | None:
    """The SPDX id of a licence's text, None if it is not known.

    >>> identified("Apache License\\n   Version 2.0, January 2004")
    'Apache-2.0'
    """
    plain = re.sub(r"[\s*#>=]+", " ", text[:LONGEST]).lower()
    if (spdx := declared(text)) is not None:
        return spdx
    plain = plain.replace(", version", " version").replace("licence", "license")
    found = [(at, name) for name, words in _SENTENCES if (at := plain.find(words)) >= 0]
    found += [(plain.find(_BSD), _bsd(plain))] if _BSD in plain else []
    name = min(found, default=(0, None))[1]  # of a file with several, the first
    return "MIT-0" if name == "MIT" and "subject to the following conditions" not in plain else name


def _bsd(plain: str) -> str:
    if "all advertising materials" in plain:
        return "BSD-4-Clause"
    return "BSD-3-Clause" if "neither the name" in plain else "BSD-2-Clause"

"""What a file's path says: its format, and whether it was copied in, generated or minified.

Folders and names are those of GitHub's linguist (`vendor.yml`, `generated.rb`), as far as they say one thing in every
language.
"""

import re
from typing import Final, NamedTuple

from skypile.config.code_formats import BY_EXTENSION, BY_INTERPRETER, BY_NAME

# Not the repository's files, but what version control keeps beside them: not read, and not counted.
VERSION_CONTROL: Final = frozenset({".git", ".hg", ".svn", ".bzr", "CVS"})

_VENDORED: Final = re.compile(
    r"node_modules|bower_components|jspm_packages|_?vendor(?:s|ed)?|(?:third|3rd)[-_]?party|godeps|_workspace|pods|carthage"
    r"|(?:site|dist)-packages|\.?venv|virtualenv|\.tox|\.nox|\.yarn|\.eggs|wp-includes",
    re.IGNORECASE,
)
_VENDORED_NAME: Final = re.compile(
    r"(?:jquery|bootstrap|angular|react|vue|d3|lodash|underscore|modernizr|normalize|font-?awesome|mathjax|require|moment"
    r"|prototype|mootools|raphael|three|handlebars)(?:[-.]?v?\d+(?:\.\d+)*)?(?:[-.](?:min|slim|bundle|esm|umd|js))*\.(?:js|css)",
    re.IGNORECASE,
)
_LOCK: Final = re.compile(
    r"(?:package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.ya?ml|yarn\.lock|go\.sum|go\.work\.sum|gradle\.lockfile"
    r"|packages\.lock\.json|project\.assets\.json|composer\.lock|module\.bazel\.lock|\.package-lock\.json|.*\.lock)",
    re.IGNORECASE,
)
_MINIFIED: Final = re.compile(r".*[-.](?:min|bundle|packed|compressed)\.(?:js|mjs|cjs|css|html?|json)", re.IGNORECASE)
_GENERATED: Final = re.compile(
    r".*(?:_pb2(?:_grpc)?\.pyi?|\.pb\.(?:go|gw\.go|cc|h|swift|dart)|_pb\.(?:js|rb|d\.ts)|\.pbtxt|_generated\.\w+"
    r"|\.generated\.\w+|\.g\.(?:dart|cs|i\.cs|ts|h)|\.freezed\.dart|\.designer\.(?:cs|vb)|\.(?:js|css|ts)\.map|\.snap"
    r"|_string\.go|zz_generated\..*\.go|bindata\.go)",
    re.IGNORECASE,
)
_SHEBANG: Final = re.compile(r"#![ \t]*(?:\S*/)?(?:env[ \t]+(?:-\S+[ \t]+)*)?([a-z]+)", re.IGNORECASE)


class Named(NamedTuple):
    """A path's verdict: a reason and what it was seen by, or None."""

    reason: str
    evidence: str


def by_name(path: str) -> Named | None:
    """Why a file is dropped for its path alone.

    >>> by_name("web/node_modules/left-pad/index.js"), by_name("app/poetry.lock")
    (Named(reason='vendored', evidence='node_modules'), Named(reason='lock_file', evidence='poetry.lock'))
    """
    *folders, name = path.split("/")
    if found := next((folder for folder in folders if _VENDORED.fullmatch(folder)), None):
        return Named("vendored", found)
    for reason, pattern in (("lock_file", _LOCK), ("minified", _MINIFIED), ("generated", _GENERATED)):
        if pattern.fullmatch(name):
            return Named(reason, name)
    return Named("vendored", name) if _VENDORED_NAME.fullmatch(name) else None


def format_of(path: str) -> str | None:
    """The format that a name says, None if it says none of code.

    >>> format_of("a/Makefile"), format_of("a/b.d.ts"), format_of("a/LICENSE")
    ('makefile', 'typescript', None)
    """
    name = path.rpartition("/")[2].lower()
    if name in BY_NAME:
        return BY_NAME[name]
    return BY_EXTENSION.get(name.rpartition(".")[2]) if "." in name.lstrip(".") else None


def format_by_content(named: str | None, text: str) -> str | None:
    """The format of a text whose name says `named`: XML by its declaration, scripts by their interpreter.

    >>> format_by_content(None, "#!/usr/bin/env python3"), format_by_content("ini", "<?xml version='1.0'?>")
    ('python', 'xml')
    """
    if text.startswith("<?xml") and named != "html":
        return "xml"
    if named is None and text.startswith("#!") and (found := _SHEBANG.match(text[:200])):
        return BY_INTERPRETER.get(found[1].lower().rstrip("0123456789."))
    return named

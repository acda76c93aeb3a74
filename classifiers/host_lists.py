"""Lists of hosts that a user vouches for or warns of: Wikipedia's own of reliable and deprecated sources, blocks."""

from skypile.crawl.url import host
from skypile.errors import Refused
from skypile.runtime import files


class HostListError(Refused):
    """A line of a list names no host."""


def read_hosts(path: str, domains: bool = False) -> frozenset[str]:
    """The hosts in a UTF-8 file, one a line, as a host or as an address; `#` begins a remark.

    `domains`: a name without a dot, such as a country's, is one too.
    """
    with files.open_uri(path) as file:
        try:
            lines = file.read().decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise HostListError(f"{path} is no UTF-8 text ({error}); convert it") from None
    found = set()
    for number, line in enumerate(lines, 1):
        entry = line.split("#", 1)[0].strip()
        if not entry:
            continue
        name = host(entry if "//" in entry else f"http://{entry}").strip(".")
        if not name or not (domains or "." in name):
            raise HostListError(f"{path}, line {number}: {entry!r} names no host; give one a line, such as example.org")
        found.add(name)
    return frozenset(found)


def listed(name: str, hosts: frozenset[str]) -> bool:
    """Whether a host or a domain that it lies in is on the list.

    >>> listed("news.example.org", frozenset({"example.org"})), listed("myexample.org", frozenset({"example.org"}))
    (True, False)
    """
    while name:
        if name in hosts:
            return True
        name = name.partition(".")[2]
    return False

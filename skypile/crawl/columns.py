"""Values of an Arrow column as plain Python ones: a value that is not what its type says costs itself alone.

Arrow's own conversion raises for a whole batch where one string is not UTF-8 or one date lies beyond the year 9999,
and asks pandas about nanoseconds, if that is there.
"""

from datetime import date
from typing import Any, Final

import pyarrow as pa
import pyarrow.types as pt

_DAY: Final = 86_400
_UNITS: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_EPOCH: Final = date(1970, 1, 1).toordinal()
_CYCLE: Final = 146_097  # days of 400 years, after which the Gregorian calendar repeats itself


def values(column: pa.Array) -> list[Any]:
    """One value a row. Strings that are not UTF-8 come as bytes, dates and times as ISO 8601, what nothing can be
    made of as None."""
    if pt.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind):
        return [_text(value) for value in column.cast(pa.large_binary()).to_pylist()]
    if pt.is_timestamp(kind):
        zone = "" if kind.tz is None else "+00:00"
        moments = column.cast(pa.int64()).to_pylist()
        return [None if moment is None else timestamp(moment, kind.unit) + zone for moment in moments]
    if pt.is_date(kind):
        per_day = 1 if pt.is_date32(kind) else _DAY * 1000
        days = column.cast(pa.int32() if pt.is_date32(kind) else pa.int64()).to_pylist()
        return [None if number is None else _day(number // per_day) for number in days]
    try:
        return column.to_pylist()  # type: ignore[no-any-return]
    except (pa.ArrowException, ValueError, OverflowError):
        return [_alone(scalar) for scalar in column]


def timestamp(moment: int, unit: str) -> str:
    """ISO 8601 of so many units since 1970; beyond four digits the year has a sign.

    >>> timestamp(1_500, "ms"), timestamp(1, "ns"), timestamp(569_000_000_000, "s")
    ('1970-01-01T00:00:01.500000', '1970-01-01T00:00:00.000000001', '+20000-12-23T20:26:40')
    """
    second, fraction = divmod(moment, _UNITS[unit])
    day, second = divmod(second, _DAY)
    nanoseconds = fraction * (10**9 // _UNITS[unit])
    digits = f".{nanoseconds:09d}" if nanoseconds % 1000 else f".{nanoseconds // 1000:06d}" if nanoseconds else ""
    return f"{_day(day)}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}{digits}"


def _day(number: int) -> str:
    cycles, day = divmod(number + _EPOCH - 1, _CYCLE)
    found = date.fromordinal(day + 1)
    year = found.year + 400 * cycles
    return f"{year:04d}{found:-%m-%d}" if 0 <= year <= 9999 else f"{year:+05d}{found:-%m-%d}"


def _text(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return value


def _alone(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except (pa.ArrowException, ValueError, OverflowError):
        return None

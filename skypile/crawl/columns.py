"""Values of an Arrow column as plain Python ones: a value that is not what its type says costs itself alone.

Arrow's own conversion raises for a whole batch where one string is not UTF-8 or one date lies beyond the year 9999,
and asks pandas about nanoseconds, if that is there.
"""

import contextlib
from datetime import date
from typing import Any, Final

import pyarrow as pa
import pyarrow.types as pt

from skypile.runtime.parquet_rows import as_plain, plain

UNREAD: Final = object()  # in place of a value that Python cannot hold
_ERRORS: Final = (pa.ArrowException, ValueError, OverflowError, KeyError)
_DAY: Final = 86_400
_UNITS: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_EPOCH: Final = date(1970, 1, 1).toordinal()
_CYCLE: Final = 146_097  # days of 400 years, after which the Gregorian calendar repeats itself


def values(column: pa.Array) -> list[Any]:
    """One value a row: strings that are not UTF-8 come as bytes, dates and times as ISO 8601, durations as seconds,
    what nothing can be made of as UNREAD."""
    if pt.is_dictionary(column.type) or pt.is_large_string(plain(column.type)):
        column = as_plain(column)
    kind = column.type
    if pt.is_large_string(kind):
        return _texts(column)
    if pt.is_timestamp(kind):
        zone = "" if kind.tz is None else "+00:00"
        moments = column.cast(pa.int64()).to_pylist()
        return [None if moment is None else timestamp(moment, kind.unit) + zone for moment in moments]
    if pt.is_date(kind):
        per_day = 1 if pt.is_date32(kind) else _DAY * 1000
        days = column.cast(pa.int32() if pt.is_date32(kind) else pa.int64()).to_pylist()
        return [None if number is None else _day(number // per_day) for number in days]
    if pt.is_duration(kind):
        return [None if span is None else span / _UNITS[kind.unit] for span in column.cast(pa.int64()).to_pylist()]
    with contextlib.suppress(*_ERRORS):
        column = column.cast(_without_nanoseconds(kind), safe=False)
    try:
        return column.to_pylist(maps_as_pydicts="strict")  # type: ignore[no-any-return]
    except _ERRORS:
        return [_alone(scalar) for scalar in column]


def timestamp(moment: int, unit: str) -> str:
    """ISO 8601 of so many units since 1970; beyond four digits the year has a sign.

    >>> timestamp(1_500, "ms"), timestamp(1, "ns"), timestamp(569_000_000_000, "s")
    ('1970-01-01T00:00:01.500000', '1970-01-01T00:00:00.000000001', '+20000-11-22T03:33:20')
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


def _texts(column: pa.LargeStringArray) -> list[Any]:
    try:
        return column.to_pylist()  # type: ignore[no-any-return]
    except UnicodeDecodeError:
        return [_text(value) for value in column.cast(pa.large_binary()).to_pylist()]


def _text(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return value


def _alone(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except _ERRORS:
        return UNREAD


def _without_nanoseconds(kind: pa.DataType) -> pa.DataType:
    """A type with microseconds for nanoseconds, however deep: Python has no smaller ones, pandas may be absent."""
    if pt.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if pt.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    if pt.is_time64(kind):
        return pa.time64("us")
    if pt.is_struct(kind):
        return pa.struct([field.with_type(_without_nanoseconds(field.type)) for field in kind])
    if pt.is_list(kind) or pt.is_large_list(kind):
        make = pa.list_ if pt.is_list(kind) else pa.large_list
        return make(kind.value_field.with_type(_without_nanoseconds(kind.value_type)))
    return kind

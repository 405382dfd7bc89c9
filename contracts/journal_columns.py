"""How a chunk of a tape writes values of one kind: as columns, since equal things compress well.

A column is `bin` for whole numbers (differences, as varints), `array` for values as they are, and from version 2 on
also a `map` of one key for values of the same shape: 0 lists of the same length, a column for each place; 1 maps with
the same keys, those and a column for each; 2 bytes of the same length, in one; 3 text that is such bytes in
hexadecimal.
"""

from collections.abc import Sequence
from typing import Any

LISTS, MAPS, BYTES, HEXADECIMAL = range(4)

DEPTH = 4
"""So deep are lists and maps divided; below, values are written as they are."""

SHORTEST_HEX = 8
_DIGITS = frozenset("0123456789abcdef")


class BadColumn(ValueError):
    """Bytes of a chunk that are no column."""


def column_of(values: Sequence[Any], depth: int = DEPTH) -> Any:
    """Return what MessagePack has to hold of these values; `values_of` returns them again."""
    kind = type(values[0]) if values else None
    if kind is None or any(type(value) is not kind for value in values):
        return list(values)
    if kind is int:
        return differences(values)
    if kind is bytes and (length := _common_length(values)):
        return {BYTES: [length, b"".join(values)]}
    if kind is str and all(is_hexadecimal(value) for value in values) and (length := _common_length(values)):
        return {HEXADECIMAL: [length // 2, bytes.fromhex("".join(values))]}
    if kind is list and depth and (length := _common_length(values)):
        return {LISTS: [column_of([value[place] for value in values], depth - 1) for place in range(length)]}
    if kind is dict and depth and (keys := _common_keys(values)):
        return {MAPS: [keys, [column_of([value[key] for value in values], depth - 1) for key in keys]]}
    return list(values)


def values_of(column: Any, count: int, depth: int = DEPTH) -> list[Any]:
    """Return the `count` values of a column. Raises BadColumn."""
    match column:
        case dict() if len(column) != 1:
            raise BadColumn("a column has one form")
        case bytes():
            found: list[Any] = numbers(column)
        case list():
            found = column
        case {0: [_, *_] as parts} if depth:
            found = [list(each) for each in zip(*(values_of(part, count, depth - 1) for part in parts), strict=True)]
        case {1: [list() as keys, list() as parts]} if depth and _are_keys(keys, parts):
            columns = [values_of(part, count, depth - 1) for part in parts]
            found = [dict(zip(keys, each, strict=True)) for each in zip(*columns, strict=True)]
        case {2: [int() as length, bytes() as joined]} if 0 < length * count == len(joined):
            found = [joined[length * place : length * (place + 1)] for place in range(count)]
        case {3: [int() as length, bytes() as joined]} if 0 < length * count == len(joined):
            found = [joined[length * place : length * (place + 1)].hex() for place in range(count)]
        case _:
            raise BadColumn("a column is neither numbers nor values")
    if len(found) != count:
        raise BadColumn("its columns are not of the same length")
    return found


def is_hexadecimal(text: str) -> bool:
    """Return whether bytes of half the length say the same, and that is worth it."""
    return len(text) >= SHORTEST_HEX and len(text) % 2 == 0 and _DIGITS.issuperset(text)


def differences(values: Sequence[int]) -> bytes:
    """Return whole numbers as what each is more or less than the one before it."""
    written, last = bytearray(), 0
    for value in values:
        difference, last = value - last, value
        _write_varint(written, difference * 2 if difference >= 0 else -difference * 2 - 1)
    return bytes(written)


def numbers(data: bytes) -> list[int]:
    """Return the numbers of `differences`. Raises BadColumn."""
    found, last = [], 0
    for number in _read_varints(data):
        last += -(number + 1) // 2 if number % 2 else number // 2
        found.append(last)
    return found


def _common_length(values: Sequence[Any]) -> int:
    length = len(values[0])
    return length if all(len(value) == length for value in values) else 0


def _common_keys(values: Sequence[dict[Any, Any]]) -> list[str]:
    keys = list(values[0])
    return keys if all(type(key) is str for key in keys) and all(list(value) == keys for value in values) else []


def _are_keys(keys: list[Any], columns: list[Any]) -> bool:
    is_text = all(type(key) is str for key in keys)
    return bool(keys) and is_text and len(set(keys)) == len(keys) == len(columns)


def _write_varint(to: bytearray, value: int) -> None:
    """Append a whole number, 0 or more: 7 bits a byte, the lowest first, the highest bit set in all but the last."""
    while value > 0x7F:
        to.append(value & 0x7F | 0x80)
        value >>= 7
    to.append(value)


def _read_varints(data: bytes) -> list[int]:
    found, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            found.append(value)
            value = shift = 0
        elif shift > 70:
            raise BadColumn("a number of more than 70 bits")
    if shift:
        raise BadColumn("a number that breaks off")
    return found

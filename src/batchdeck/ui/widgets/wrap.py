"""Where to break a long line so that it fits a number of terminal cells."""

from __future__ import annotations

from rich.cells import cell_len, get_character_cell_size


def wrap_cells(text: str, width: int, *, hang: int = 0) -> list[tuple[int, int]]:
    """Start and end of each row of a line, in characters; never empty.

    Breaks after a space where one stands in the last third of a row, else anywhere.

    Args:
        text: One line, already clean.
        width: Cells of the first row, at least 1.
        hang: Cells that the rows after the first have less.
    """
    rows: list[tuple[int, int]] = []
    start, size, is_ascii, room = 0, len(text), text.isascii(), max(1, width)
    while True:
        end = min(size, start + room)
        if not is_ascii:
            end = start + _fitting(text[start:end], room)
        if end >= size:
            rows.append((start, size))
            return rows
        space = text.rfind(" ", start + max(1, (end - start) * 2 // 3), end)
        if space > start:
            end = space + 1
        rows.append((start, end))
        start = end
        room = max(1, width - hang)


def _fitting(text: str, room: int) -> int:
    """How many characters from the start fit in `room` cells, at least 1."""
    if cell_len(text) <= room:
        return max(1, len(text))
    cells = 0
    for place, character in enumerate(text):
        cells += get_character_cell_size(character)
        if cells > room:
            return max(1, place)
    return max(1, len(text))

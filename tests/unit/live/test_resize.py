"""A terminal that is resized while a run is drawn on it."""

from __future__ import annotations

import re

import pytest

from loadcore.live.terminal import Block

_CONTROL = re.compile(r"\x1b\[(\??)(\d*)([A-Za-z])")


class Terminal:
    """Rows of characters and a cursor. With `reflow`, lines that get too long are broken, and joined again later."""

    def __init__(self, columns: int, rows: int, *, reflow: bool) -> None:
        self.columns, self.rows, self.reflow = columns, rows, reflow
        self.lines: list[str] = [""]
        """From the first that was ever written to the last; the screen shows the last rows of them."""
        self.at = 0
        self.gone = 0
        """Rows that left at the top."""

    def write(self, text: str) -> None:
        """Do what the text says."""
        position = 0
        while position < len(text):
            if control := _CONTROL.match(text, position):
                self._obey(*control.groups())
                position = control.end()
                continue
            if text[position] == "\n":
                self.at += 1
                self.lines += [""] * (self.at + 1 - len(self.lines))
                self.gone = max(self.gone, len(self._broken()) - self.rows)
            elif text[position] != "\r":
                end = re.compile(r"[\x1b\n\r]|$").search(text, position)
                assert end is not None
                self.lines[self.at] = text[position : end.start()]
                position = end.start() - 1
            position += 1

    def resize(self, columns: int, rows: int) -> None:
        """Become as large as that."""
        if not self.reflow:
            self.lines = [line[:columns] for line in self.lines]
        self.columns, self.rows = columns, rows
        self.gone = max(0, len(self._broken()) - rows)

    def shown(self) -> list[str]:
        """The rows on the screen."""
        return [row.rstrip() for row in self._broken()[self.gone :]]

    def _broken(self, lines: int | None = None) -> list[str]:
        """The rows that all lines take, or the first of them."""
        width = self.columns
        return [row[at : at + width] for row in self.lines[:lines] for at in range(0, max(len(row), 1), width)]

    def _go_to(self, row: int) -> None:
        """Put the cursor there; what is before it in the same line stays a line."""
        self.at = 0
        while len(self._broken(self.at + 1)) <= row:
            self.at += 1
        if before := (row - len(self._broken(self.at))) * self.columns:
            line = self.lines[self.at]
            self.lines[self.at : self.at + 1] = [line[:before], line[before:]]
            self.at += 1

    def _obey(self, private: str, number: str, letter: str) -> None:
        match private + number, letter:
            case _, "A":
                self._go_to(max(self.gone, len(self._broken(self.at)) - int(number)))
            case "", "J":
                del self.lines[self.at + 1 :]
                self.lines[self.at] = ""
            case "2", "J":
                self._go_to(self.gone)
                del self.lines[self.at :]
                self.lines.append("")
            case _:
                pass


def block(number: int, columns: int, rows: int) -> list[str]:
    """A view of ten lines, or as many as fit, as wide as the terminal lets it be."""
    return [f"{number}:{line} ".ljust(min(columns - 1, 60), "x") for line in range(min(10, rows - 1))]


@pytest.mark.parametrize("reflow", [True, False])
@pytest.mark.parametrize(
    "sizes", [[(40, 12)], [(20, 8), (100, 40)], [(100, 30), (30, 24), (61, 9), (80, 24)], [(80, 5)]]
)
def test_only_the_newest_view_is_shown(reflow: bool, sizes: list[tuple[int, int]]) -> None:
    """Whatever became of the lines that a terminal had, none of an older view is left on it."""
    terminal = Terminal(80, 24, reflow=reflow)
    view = Block(terminal.write)
    terminal.write("$ loadcore run\n")
    view.draw(block(0, 80, 24), 80, 24)
    for number, (columns, rows) in enumerate(sizes, 1):
        terminal.resize(columns, rows)
        for _ in range(2):
            view.draw(block(number, columns, rows), columns, rows)
        drawn = [line for line in terminal.shown() if "x" in line]
        assert drawn == block(number, columns, rows)


def test_a_message_stays_above_the_view() -> None:
    """It is not drawn over, nor lost where the terminal has to be cleared."""
    terminal = Terminal(80, 24, reflow=True)
    view = Block(terminal.write)
    view.draw(block(0, 80, 24), 80, 24)
    view.above("worker 1 was lost", 80, 24)
    view.draw(block(1, 80, 24), 80, 24)
    assert terminal.shown()[:2] == ["worker 1 was lost", block(1, 80, 24)[0]]
    for number, (columns, rows) in enumerate([(30, 8), (80, 24)], 2):
        terminal.resize(columns, rows)
        view.draw(block(number, columns, rows), columns, rows)

    assert terminal.shown()[:2] == ["worker 1 was lost", block(3, 80, 24)[0]]


def test_without_a_resize_nothing_above_is_touched() -> None:
    """What the user had on the screen stays."""
    terminal = Terminal(80, 24, reflow=True)
    view = Block(terminal.write)
    terminal.write("$ seq 2\n1\n2\n$ loadcore run\n")
    for number in range(5):
        view.draw(block(number, 80, 24)[: 10 - number], 80, 24)
    view.erase(80, 24)

    assert terminal.shown() == ["$ seq 2", "1", "2", "$ loadcore run", ""]

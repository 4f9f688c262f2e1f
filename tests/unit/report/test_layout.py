"""Lines and tables that fit a width."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from loadcore.report.glyphs import ASCII, UNICODE, printable
from loadcore.report.layout import Cell, Column, Page, cut, cut_in_the_middle, facts, sentence, table

COLUMNS = (Column("NAME", left=True), Column("often", drop=2), Column("needed"), Column("nice", drop=1))
TEXT = st.text(min_size=1, max_size=60).filter(lambda text: bool(text.strip()))


@given(st.lists(st.tuples(TEXT, TEXT, st.just("1"), TEXT), max_size=5), st.integers(min_value=40, max_value=120))
def test_no_line_of_a_table_is_wider_than_the_page(rows: list[tuple[str, ...]], width: int) -> None:
    """Whatever the names are, wide characters too, every line fits."""
    page = Page(width, UNICODE)
    cells = [[Cell(printable(text, UNICODE)) for text in row] for row in rows]
    assert all(cell_len(line) <= width for line in table(COLUMNS, cells, page))


def test_columns_are_left_out_from_the_least_needed_one() -> None:
    """A narrow page loses the columns with the highest number first, and never those with none."""
    rows = [[Cell("a name of some length"), Cell("1111"), Cell("2222"), Cell("3333")]]
    assert table(COLUMNS, rows, Page(32, UNICODE))[0] == " NAME               needed  nice"
    assert table(COLUMNS, rows, Page(25, UNICODE))[0] == " NAME              needed"


@given(st.lists(TEXT, min_size=1, max_size=8), st.integers(min_value=30, max_value=100))
def test_no_line_of_facts_is_wider_than_the_page(texts: list[str], width: int) -> None:
    """Facts continue in the next line where the width ends, and none is lost."""
    page = Page(width, UNICODE)
    parts = [Cell(printable(text, UNICODE)) for text in texts]
    lines = facts(Cell("LABEL"), parts, page)
    assert all(cell_len(line) <= width for line in lines)
    assert len(parts) - 1 <= sum(line.count(" · ") for line in lines) + len(lines) - 1


@given(st.text(max_size=200), st.integers(min_value=30, max_value=100))
def test_no_line_of_a_sentence_is_wider_than_the_page(text: str, width: int) -> None:
    """Sentences are wrapped, and a word that is too long is cut."""
    assert all(cell_len(line) <= width for line in sentence(Cell("x "), printable(text, UNICODE), Page(width, UNICODE)))


def test_a_cut_text_says_so() -> None:
    """A string that does not fit ends in an ellipsis; one that fits stays as it is."""
    assert cut("GET /items/{id}", 9, UNICODE) == "GET /ite…"
    assert cut("GET /items/{id}", 9, ASCII) == "GET /i..."
    assert cut("GET /", 9, UNICODE) == "GET /"


def test_names_cannot_reach_the_terminal() -> None:
    """Escape sequences and line breaks in a name are shown, not obeyed."""
    assert printable("\x1b[31mred\n", UNICODE) == r"\x1b[31mred\n"
    assert printable("ü", ASCII) == r"\xfc"


def test_long_names_stay_distinguishable() -> None:
    """Names that differ at their end only are shortened in the middle, so that no two rows look alike."""
    names = [f"GET /items/number-{number:02}/details" for number in range(3)]
    lines = table(
        [Column("STEP", left=True), Column("n")], [[Cell(name), Cell("1")] for name in names], Page(30, ASCII)
    )
    assert len(set(lines)) == len(lines)
    assert all(cell_len(line) <= 30 for line in lines)


@given(st.text(max_size=60), st.integers(0, 40))
def test_a_name_shortened_in_the_middle_fits(text: str, width: int) -> None:
    """Whatever it is made of; one that fits is left alone."""
    text = printable(text, UNICODE)
    short = cut_in_the_middle(text, width, UNICODE)
    assert cell_len(short) <= width
    assert short == text or cell_len(text) > width

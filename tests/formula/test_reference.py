"""The page of the formula language is what the language is."""

from catalog.load import HOME
from formula.aggregates import AGGREGATES
from formula.functions import FUNCTIONS
from formula.reference import page

PAGE = HOME.parent / "docs" / "reference" / "functions.md"


def test_the_page_is_not_stale() -> None:
    """Stale: run `./kompas catalog docs`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_aggregate_and_function_stands_on_it_with_an_example() -> None:
    text = page()
    for name, does in AGGREGATES.items():
        assert f"| `{name}(quantity)` | {does} |" in text
    for function in FUNCTIONS.values():
        assert f"`{function.example}`".replace("|", "\\|") in text

"""The reference page is what the formats say today."""

from pathlib import Path

from ingest.format import formats
from ingest.reference import page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "formats.md"


def test_the_page_of_formats_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(formats()), "run: python -m ingest.reference > docs/reference/formats.md"

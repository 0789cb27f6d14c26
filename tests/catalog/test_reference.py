"""Generated reference pages are what the catalogue gives."""

import pytest

from catalog.load import HOME, load_catalogue
from catalog.reference import pages

REFERENCE = HOME.parent / "docs" / "reference"


@pytest.mark.parametrize("name", ["quantities.md", "sensors.md", "kpis.md"])
def test_a_reference_page_is_not_stale(name: str) -> None:
    """Stale: run `./kompas catalog docs`."""
    assert (REFERENCE / name).read_text(encoding="utf-8") == pages(load_catalogue())[name]


def test_every_record_stands_on_its_page() -> None:
    catalogue = load_catalogue()
    texts = pages(catalogue)
    for name, records in (("quantities.md", catalogue.quantities), ("sensors.md", catalogue.kinds), ("kpis.md", catalogue.kpis)):
        for record in records.values():
            assert record.names["nl"].replace("|", "\\|") in texts[name]

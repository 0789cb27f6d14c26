"""What a person may choose on a board: city, area, device; columns __value and __text.

Promises  The first row is a sensible choice: areas begin with the city itself.
"""

from catalog import tables
from dashboards.sql.words import literal
from dashboards.texts import Texts


def cities(texts: Texts) -> str:
    """Every city, by name."""
    return f"SELECT id AS __value, name_{texts.language} AS __text FROM {tables.CITY.name} ORDER BY 2"


def areas(texts: Texts) -> str:
    """The chosen city's areas: itself, its districts, its neighbourhoods."""
    name = f"name_{texts.language}"
    return f"""SELECT id AS __value, {name} AS __text FROM {tables.AREA.name} WHERE city = ${{city:sqlstring}}
ORDER BY array_position(ARRAY['city', 'district', 'neighbourhood'], level), {name}"""


def devices(kind: str) -> str:
    """The chosen city's devices of a kind."""
    return f"""SELECT id AS __value, id AS __text FROM {tables.DEVICE_CURRENT.name}
WHERE kind = {literal(kind)} AND city = ${{city:sqlstring}} ORDER BY 1"""

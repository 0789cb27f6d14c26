"""What `storage.migrate` does after the layout: read catalogue and packs, register them, publish what changed.

Promises  A pack or a formula that is wrong stops everything before a row is written.
Leaves    Reading to catalog/, rows to storage.registry, Kafka to storage.publish.
"""

from pathlib import Path

from catalog.cities import load_city
from catalog.load import load_catalogue
from catalog.packs import configured
from formula.compile import compile_kpi
from runtime import clock, events
from runtime.errors import ConfigError
from runtime.settings import DatabaseSettings
from storage.connect import Connection
from storage.publish import publish
from storage.registry import Wanted, register

_KAFKA_WITHIN_S = 60.0


def wanted(settings: DatabaseSettings) -> Wanted:
    """Catalogue and the packs of KOMPAS_CITIES; raises ConfigError, for a formula that cannot be computed, too."""
    cities = Path(settings.cities_dir) if settings.cities_dir else None
    names = [name.strip() for name in settings.cities.split(",") if name.strip()]
    if not names:
        raise ConfigError("KOMPAS_CITIES", "at least one city pack", settings.cities)
    packs = tuple(load_city(name, cities) for name in dict.fromkeys(names))
    catalogue = load_catalogue(Path(settings.catalog_dir) if settings.catalog_dir else None)
    all_of_it = configured(catalogue, packs)
    for kpi in all_of_it.kpis.values():
        compile_kpi(kpi, all_of_it.quantities, all_of_it.kpis)
    return Wanted(all_of_it, packs)


async def register_and_publish(connection: Connection, settings: DatabaseSettings) -> None:
    """Registry into the database, changed documents to Kafka."""
    register(connection, wanted(settings), clock.now_us())
    connection.commit()
    published = await publish(connection, settings.kafka, _KAFKA_WITHIN_S)
    if published:
        events.happened("catalogue_published", documents=published)

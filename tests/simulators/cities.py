"""A small city for the simulators' tests: every kind of sensor of the catalogue, no files but the catalogue's own."""

from catalog.load import load_catalogue
from catalog.records import City, Device
from simulators import scenario
from simulators.city import Pace, Play, Streams, streams
from simulators.scenario import Scenario

CATALOGUE = load_catalogue()
CITY = City(
    id="here",
    names={"en": "Here", "fr": "Ici", "nl": "Hier"},
    time_zone="Europe/Brussels",
    west=4.0,
    south=50.0,
    east=5.0,
    north=51.0,
)
SENSORS = tuple(sorted(kind.id for kind in CATALOGUE.kinds.values() if not kind.correcting))
"""Every kind but the registers, which have no days to play."""
START_US = 1_763_826_914_000_000


def devices(count: int, kinds: tuple[str, ...] = SENSORS) -> list[Device]:
    """`count` devices, the kinds in turn."""
    return [
        Device(
            id=f"here.{kinds[i % len(kinds)].replace('_', '-')}-{i:04d}",
            city="here",
            kind=kinds[i % len(kinds)],
            area="here.a",
            latitude=50.5,
            longitude=4.5,
        )
        for i in range(count)
    ]


def play(of: list[Device], *, seed: int = 1, story: str | Scenario = "calm", pace: Pace | None = None) -> Streams:
    """Their streams."""
    told = scenario.named(story) if isinstance(story, str) else story
    return streams(CITY, of, CATALOGUE.kinds, CATALOGUE.quantities, Play(seed, told, START_US, pace or Pace()))

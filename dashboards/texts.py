"""The words of the boards in three languages, from texts.toml.

Promises  A key that lacks a language, or a language that nobody asked for, stops the build and is named.
Leaves    Names of KPIs, quantities, kinds and bands to the catalogue, which brings them in the same languages.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from catalog.records import LANGUAGES, Names
from runtime.errors import ConfigError

_SHOWN_UNITS = {"1": "", "ug/m3": "µg/m³", "mg/m3": "mg/m³", "degC": "°C", "W/m2": "W/m²", "m3": "m³", "m2": "m²"}
"""Units that are written alike in all languages, and otherwise than in the catalogue."""

FILE = Path(__file__).with_name("texts.toml")


class Texts:
    """The words of one language: `texts("worst")`, and `texts.of(kpi.names)` for the catalogue's."""

    def __init__(self, language: str, words: Mapping[str, Mapping[str, str]]) -> None:
        if language not in LANGUAGES:
            raise ConfigError("language", " or ".join(LANGUAGES), language)
        self.language = language
        self._words = words

    def __call__(self, key: str) -> str:
        """The text of `key`; raises ConfigError where there is none."""
        if key not in self._words:
            raise ConfigError(f"{FILE.name} [{key}]", "a text in " + ", ".join(LANGUAGES), "nothing")
        return self._words[key][self.language]

    def unit(self, unit: str) -> str:
        """A catalogue unit as people write it in this language: `unit_<unit>` of the file where there is one; empty for a pure number."""
        words = self._words.get(f"unit_{unit}")
        return _SHOWN_UNITS.get(unit, unit) if words is None else words[self.language]

    def of(self, names: Names) -> str:
        """The name of a catalogue record in this language."""
        if self.language not in names:
            raise ConfigError(f"names {names}", f"a name in {self.language}", sorted(names))
        return names[self.language]


def read_texts(path: Path = FILE) -> dict[str, dict[str, str]]:
    """All texts by key and language, checked; raises ConfigError that names file, key and what is missing."""
    with path.open("rb") as file:
        words = tomllib.load(file)
    for key, by_language in words.items():
        if not isinstance(by_language, dict) or sorted(by_language) != sorted(LANGUAGES):
            got = sorted(by_language) if isinstance(by_language, dict) else by_language
            raise ConfigError(f"{path.name} [{key}]", "a text in " + ", ".join(LANGUAGES) + " and nothing else", got)
        empty = [language for language, text in by_language.items() if not isinstance(text, str) or not text.strip()]
        if empty:
            raise ConfigError(f"{path.name} [{key}]", "a text that is not empty", empty)
    return words

"""TOML text to a typed record, with errors a person can act on.

Promises  An error names file, key, what was wanted and what came; dates become ISO texts; every text is there in every language.
Leaves    Where files lie to catalog.load and catalog.cities, relations between records to catalog.check.
"""

import datetime as dt
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from catalog.errors import ConfigError, nearest
from catalog.records import LANGUAGES

T = TypeVar("T")

_AT = re.compile(r"^(?P<text>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_MISSING = re.compile(r"^Object missing required field `(?P<field>.+)`$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>.+)`$")
_TEXTS = ("names", "descriptions")


def read_text(path: Path) -> str:
    """The file as UTF-8 text."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(str(path), "a readable file", error.strerror) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), "UTF-8 text", f"byte {error.object[error.start]:#04x} at {error.start}") from error


def read_toml(path: Path) -> dict[str, Any]:
    """The file as plain values; TOML dates become ISO texts."""
    try:
        raw = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), "valid TOML", str(error)) from error
    plain: dict[str, Any] = _plain(raw)
    return plain


def to_record(raw: dict[str, Any], kind: type[T], where: str) -> T:
    """Plain values to a record of `kind`; raises ConfigError with the key's path."""
    _refuse_missing_languages(raw, where, "")
    try:
        return msgspec.convert(raw, kind, strict=True)
    except msgspec.ValidationError as error:
        raise translated(error, raw, kind, where) from error


def read_record(path: Path, kind: type[T], home: Path) -> T:
    """One file to one record whose `id` is the file's name."""
    where = shown(path, home)
    try:
        raw = read_toml(path)
    except ConfigError as error:
        raise ConfigError(where, *_rest(error)) from error
    if raw.get("id", path.stem) != path.stem:
        raise ConfigError(f"{where}: id", f"{path.stem!r}, the file's name", raw["id"])
    return to_record(raw, kind, where)


def shown(path: Path, home: Path) -> str:
    """The path as an error shows it: from the folder that holds `home` on."""
    try:
        return str(path.resolve().relative_to(home.resolve().parent))
    except ValueError:
        return str(path)


def translated(error: msgspec.ValidationError, raw: Any, kind: Any, where: str) -> ConfigError:
    """msgspec's sentence as where, wanted, got."""
    match = _AT.match(str(error))
    text, path = (match["text"], match["path"] or "") if match else (str(error), "")
    if missing := _MISSING.match(text):
        return ConfigError(_key(where, f"{path}.{missing['field']}"), "a value", "nothing")
    there = _type_at(msgspec.inspect.type_info(kind), path)
    if unknown := _UNKNOWN.match(text):
        known = [field.encode_name for field in there.fields] if isinstance(there, msgspec.inspect.StructType) else []
        return ConfigError(_key(where, path), f"only {', '.join(known) or 'known keys'}", unknown["field"], nearest(unknown["field"], known))
    wanted = text.split(", got ")[0].removeprefix("Expected ").replace("`", "")
    if isinstance(there, msgspec.inspect.LiteralType):
        got = _value_at(raw, path)
        return ConfigError(_key(where, path), f"one of {', '.join(str(value) for value in there.values)}", got, nearest(got, there.values))
    return ConfigError(_key(where, path), wanted, _value_at(raw, path))


def _rest(error: ConfigError) -> tuple[str, str]:
    wanted, got = str(error).removeprefix(f"{error.where}: wanted ").split(", got ", 1)
    return wanted, got.strip("'\"")


def _key(where: str, path: str) -> str:
    return f"{where}: {path.lstrip('.')}" if path.lstrip(".") else where


def _value_at(raw: Any, path: str) -> object:
    value = raw
    for name, index in _STEP.findall(path):
        try:
            value = value[name] if name else value[int(index)]
        except (KeyError, IndexError, TypeError, ValueError):
            # msgspec writes `[...]` for a dictionary's value without its key: the whole dictionary is what we can show
            return value
    return value


def _type_at(info: Any, path: str) -> Any:
    """What msgspec expects at a path; None where it cannot be told."""
    for name, _ in _STEP.findall(path):
        if isinstance(info, msgspec.inspect.StructType):
            info = next((field.type for field in info.fields if field.encode_name == name), None)
        elif isinstance(info, msgspec.inspect.DictType):
            info = info.value_type
        else:
            info = getattr(info, "item_type", None)
        if isinstance(info, msgspec.inspect.UnionType):  # of a field that may be left out: what it is where it is there
            info = next((one for one in info.types if not isinstance(one, msgspec.inspect.NoneType)), None)
    return info


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value


def _refuse_missing_languages(raw: Any, where: str, path: str) -> None:
    if isinstance(raw, list):
        for index, item in enumerate(raw):
            _refuse_missing_languages(item, where, f"{path}[{index}]")
    if not isinstance(raw, dict):
        return
    for key, value in raw.items():
        here = f"{path}.{key}" if path else key
        if key in _TEXTS and isinstance(value, dict):
            _check_languages(value, where, here)
        else:
            _refuse_missing_languages(value, where, here)


def _check_languages(texts: dict[str, Any], where: str, path: str) -> None:
    for language in LANGUAGES:
        text = texts.get(language)
        if not isinstance(text, str) or not text.strip():
            raise ConfigError(f"{where}: {path}.{language}", "a text", "nothing" if text is None else text)
    for language in texts:
        if language not in LANGUAGES:
            raise ConfigError(f"{where}: {path}", f"only {', '.join(LANGUAGES)}", language)

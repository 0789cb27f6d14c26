"""The pages for operators and administrators name services, variables, volumes, files and words that exist."""

import re
from pathlib import Path

import pytest

from dashboards.texts import read_texts
from local.layout import REPOSITORY
from tests.deploy import compose
from tests.deploy.test_compose import SETTINGS_OF

PAGES = sorted(path for folder in ("operator", "administrator") for path in (REPOSITORY / "docs" / folder).glob("*.md"))
KNOWN = {f"KOMPAS_{name.upper()}" for kind in SETTINGS_OF.values() for name in kind.__struct_fields__}
EACH = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY)))


@EACH
def test_variables_are_settings_or_variables_of_compose(page: Path) -> None:
    named = set(re.findall(r"\bKOMPAS_[A-Z_]+[A-Z]\b", page.read_text(encoding="utf-8")))
    assert named <= KNOWN | set(compose.variables()) | {"KOMPAS_GRAFANA_TOKEN", "KOMPAS_HOME", "KOMPAS_CACHE"}


@EACH
def test_services_and_paths_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for service in re.findall(r"docker compose (?:exec|run|restart)(?: -\S+)* (\w+)", text):
        assert service in compose.services()
    for path in re.findall(r"`((?:deploy|dashboards|tests|requirements|catalog)/[\w./-]*)`", text):
        assert (REPOSITORY / path).exists(), path
    for target in re.findall(r"\]\(([\w./-]+\.md)\)", text):
        assert (page.parent / target).exists(), target


def test_the_addresses_are_those_of_compose() -> None:
    text = (REPOSITORY / "docs" / "administrator" / "compose.md").read_text(encoding="utf-8")
    for name, default in compose.variables().items():
        assert f"`{name}`" in text
        assert default in text
    for volume in ("kompas-secrets", "postgres-secrets", "grafana-secrets", "mosquitto-config"):
        (line,) = [each for each in text.splitlines() if each.startswith(f"| `{volume}`")]
        users = {name for name, service in compose.services().items() if volume in {source for source, _ in compose.mounts(service).values()}}
        assert set(re.findall(r"\w+", line.split("|")[3])) | {"prepare"} == users


def test_the_operator_s_words_are_those_of_the_boards() -> None:
    text = (REPOSITORY / "docs" / "operator" / "README.md").read_text(encoding="utf-8")
    words = read_texts()
    for key in ("live", "final", "restated", "not_enough_data", "not_at_this_level", "worst", "rejected", "progress", "now", "bands"):
        assert words[key]["en"] in text

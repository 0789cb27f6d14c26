"""The table of rules and tests says nothing that is not so."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in (REPOSITORY / "docs" / "developer" / "rules.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d+ \|", line)
]
DEFINED = {
    name
    for path in (REPOSITORY / "tests").rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
}


def test_every_rule_has_its_row() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 28))


def test_every_test_that_is_named_exists() -> None:
    named = {name for row in ROWS for name in re.findall(r"`(test_\w+)`", "|".join(row))}
    assert named <= DEFINED
    assert len(named) > 40


def test_a_rule_without_a_named_test_says_so() -> None:
    wrong = []
    for number, _, named, others, missing in ROWS:
        expected = f"test_rule_{int(number):02}_"
        simulated = named.startswith("sim") or ", sim" in named
        if expected not in named and not simulated and "no named test" not in missing and missing != "no test":
            wrong.append(number)
        if missing == "no test" and (named or others):
            wrong.append(number)
    assert wrong == []


def test_every_test_named_after_a_rule_is_of_a_rule() -> None:
    numbers = {int(found) for name in DEFINED for found in re.findall(r"test_rule_(\d\d)_", name)}
    assert numbers <= set(range(1, 28))

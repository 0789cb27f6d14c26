"""How the tests are shared out: what belongs together stays together, long waits come first, nothing is left out."""

import pytest

from tests.schedule import ordered, scope

OF_THE_DAY = ["tests/integration/test_check_sql.py::test_a[x::y]", "tests/integration/test_arrivals.py::test_b"]


def test_what_shares_the_day_stays_together_and_every_other_file_by_itself():
    assert {scope(each) for each in OF_THE_DAY} == {"day"}
    assert scope("tests/formula/test_parts.py::test_c[1]") == scope("tests/formula/test_parts.py::test_d") == "tests/formula/test_parts.py"


@pytest.mark.parametrize("turned", [False, True])
def test_servers_before_arithmetic_and_the_day_before_all(turned):
    scopes = ["tests/formula/test_parts.py", "tests/integration/test_up.py", "day", "tests/stream/test_rules.py", "tests/integration/test_a.py"]
    found = ordered(scopes[::-1] if turned else scopes)
    assert sorted(found) == sorted(scopes)
    assert found[0] == "day"
    assert {*found[1:3]} == {"tests/integration/test_up.py", "tests/integration/test_a.py"}

"""What a run says of itself, on the screen and as JSON."""

import io
import json

import msgspec
from rich.console import Console

from chaos.report import show
from chaos.result import Happened, Result

FOUND = Result(
    seed=7,
    minutes=2.0,
    messages=1_000,
    readings=1_500,
    broken=40,
    windows=300,
    lost=0,
    double=0,
    wrong=0,
    ledger=0,
    lost_in_broker=3,
    untimed={"lost": 0, "repeated": 2},
    faults=[Happened(fault="kill worker", how="SIGKILL", at_s=5.0, lasted_s=0.0, recovered_s=2.3)],
    recovery_s={"kill worker": 2.3},
    disk="",
    restarts={"worker": 1, "gateway": 0},
    details={},
)


def shown(found: Result) -> str:
    out = io.StringIO()
    show(found, Console(file=out, width=200, highlight=False))
    return out.getvalue()


def test_a_run_is_well_where_the_four_numbers_are_zero() -> None:
    assert FOUND.well
    for name in ("lost", "double", "wrong", "ledger"):
        assert not msgspec.structs.replace(FOUND, **{name: 1}).well


def test_json_has_the_keys_that_others_read() -> None:
    told = json.loads(msgspec.json.encode(FOUND))
    assert {
        "seed",
        "minutes",
        "readings",
        "messages",
        "lost",
        "double",
        "wrong",
        "ledger",
        "lost_in_broker",
        "faults",
        "recovery_s",
        "details",
    } <= set(told)
    assert told["recovery_s"] == {"kill worker": 2.3}


def test_the_table_names_faults_numbers_and_what_was_found() -> None:
    text = shown(msgspec.structs.replace(FOUND, wrong=1, details={"wrong": ["air_mean pandemonium: missing"]}, disk="tmpfs"))
    for wanted in ("kill worker", "2.3", "lost_in_broker 3", "wrong 1", "air_mean pandemonium: missing", "tmpfs", "worker 1"):
        assert wanted in text

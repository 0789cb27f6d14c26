"""The truth of a run and what a comparison finds: a platform that did everything right, and each way to do it wrong."""

import numpy as np
import pandas as pd
import pytest

from catalog.quality import Cause, Flag
from simulators import truth
from simulators.checking import Check, judged, said_in_time
from simulators.city import Pace
from simulators.ground import Ground
from simulators.payloads import planned, topics
from simulators.player import Sent
from simulators.stretch import stretch
from simulators.truth import Truth
from tests.simulators.cities import CATALOGUE, CITY, START_US, devices, play

SECONDS = 180
KPIS = [CATALOGUE.kpis[name] for name in ("noise_now", "traffic_flow", "pm2_5_now", "parking_free_now")]


@pytest.fixture(scope="module")
def known() -> Truth:
    city = play(devices(64), story="faulty", pace=Pace(300.0, 5))
    parts = [stretch(city, START_US + i * 1_000_000, START_US + (i + 1) * 1_000_000) for i in range(SECONDS)]
    fields, numbers, at_us, first = topics(city), [], [], 0
    for part in parts:
        items = planned(city, fields, part)
        numbers += [first + item.place for item in items]
        at_us += [item.due_us for item in items]
        first += len(part.messages.device)
    sent = Sent(np.array(numbers), np.array(at_us), np.zeros(len(numbers), np.int64))
    table = truth.readings(city, parts, sent)
    levels = {device.id: {"neighbourhood": "here.a", "district": "here.d", "city": "here"} for device in city.devices}
    kpis, skipped = truth.judge(table, KPIS, Ground(CITY, levels, {device.id: 900.0 for device in city.devices}))  # type: ignore[arg-type]
    return Truth(table, kpis, skipped)


def perfect(known: Truth) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What a platform without a fault would hold."""
    r = known.readings
    kept = r[(r["sent_us"] > 0) & (r["acceptable"] | (r["fault"] == "spike"))]
    quality = np.where(kept["fault"] == "spike", int(Flag.SUSPECT) | int(Cause.PLAUSIBLE_RANGE), int(Flag.GOOD))
    quality = np.where(kept["fault"] == "late", quality | int(Cause.LATE), quality)
    stored = pd.DataFrame(
        {
            "device": kept["device"],
            "quantity": kept["quantity"],
            "stamped_us": kept["stamped_us"],
            "received_us": kept["sent_us"] + 3_000,
            "stored_value": kept["value"],
            "quality": quality,
        }
    ).reset_index(drop=True)
    pairs = known.kpis.dropna(subset=["in_time"]).assign(final=lambda rows: rows["in_time"], found=True, enough=True).reset_index(drop=True)
    return stored, pairs


def check(known: Truth, stored: pd.DataFrame, pairs: pd.DataFrame) -> Check:
    return judged(known, stored, pairs, 0.0)


def test_nothing_of_the_run_is_left_out(known):
    r = known.readings
    assert not r.duplicated(["device", "quantity", "measured_us"]).any()
    assert set(r["fault"]) == {"none", "missing", "late", "duplicated", "out_of_order", "stuck", "drifting", "wrong_clock", "malformed", "spike"}
    assert (r["sent_us"] > 0).eq(r["fault"] != "missing").all()
    assert not r[r["fault"].isin(["missing", "malformed", "wrong_clock", "spike"])]["acceptable"].any()
    assert r[r["fault"].isin(["none", "duplicated", "out_of_order", "stuck", "drifting", "late"])]["acceptable"].all()
    assert (r["acceptable"] & ~r["in_time"]).eq(r["fault"] == "late").all()
    honest = r[r["fault"] == "none"]
    assert (honest["value"] == honest["true"]).all()


def test_three_ways_to_judge_differ_where_faults_are(known):
    assert not known.not_judged
    k = known.kpis
    assert set(k["kpi"]) == {kpi.id for kpi in KPIS}
    assert not np.allclose(k["true"], k["acceptable"])
    assert not k["acceptable"].equals(k["in_time"])


def test_a_platform_that_did_everything_right_is_well(known):
    found = check(known, *perfect(known))
    assert found.well
    assert found.stored == found.expected > 10_000
    assert (found.latency_ms_p50, found.latency_ms_p99) == (3.0, 3.0)
    assert all(each.windows > 3 and each.largest_error == 0 for each in found.kpis)
    assert any(each.largest_error_to_undisturbed > 0 for each in found.kpis)


@pytest.mark.parametrize("wrong", ["lost", "altered", "unflagged_spikes", "stored_against_expectation", "foreign", "unflagged_late"])
def test_each_fault_of_a_platform_is_found_and_named(known, wrong):
    stored, pairs = perfect(known)
    spiked = stored["quality"] == (int(Flag.SUSPECT) | int(Cause.PLAUSIBLE_RANGE))
    late = (stored["quality"] & int(Cause.LATE)) > 0
    if wrong == "lost":
        stored = stored[7:]
    elif wrong == "altered":
        stored.loc[:6, "stored_value"] += 0.5
    elif wrong == "unflagged_spikes":
        stored.loc[stored.index[spiked][:7], "quality"] = int(Flag.GOOD)
    elif wrong == "unflagged_late":
        stored.loc[stored.index[late][:7], "quality"] = int(Flag.GOOD)
    elif wrong == "foreign":
        stored = pd.concat([stored, stored[:7].assign(stamped_us=lambda rows: rows["stamped_us"] + 1)])
    else:
        broken = known.readings[known.readings["fault"] == "malformed"][:7]
        extra = stored[:7].assign(device=broken["device"].tolist(), quantity=broken["quantity"].tolist(), stamped_us=broken["stamped_us"].tolist())
        stored = pd.concat([stored, extra])
    found = check(known, stored, pairs)
    assert getattr(found, wrong) == 7
    assert found.well == (wrong == "foreign")


def test_a_wrong_and_a_missing_kpi_value_are_found(known):
    stored, pairs = perfect(known)
    pairs[["found", "enough"]] = pairs[["found", "enough"]].astype(object)
    pairs.loc[:0, "final"] = pairs["final"][:1] * 1.001
    pairs.loc[1:1, ["final", "found", "enough"]] = [np.nan, np.nan, np.nan]
    pairs.loc[2:2, "final"] = np.nan
    found = check(known, stored, pairs)
    assert sum(each.wrong for each in found.kpis) == 2
    assert sum(each.missing for each in found.kpis) == 1
    assert not found.well


def test_a_number_where_the_readings_give_none_is_wrong(known):
    stored, pairs = perfect(known)
    pairs.loc[:2, ["acceptable", "in_time", "final"]] = np.nan
    pairs[["found", "enough"]] = pairs[["found", "enough"]].astype(object)
    pairs.loc[:2, "enough"] = False
    assert check(known, stored, pairs).well
    pairs.loc[1:1, ["final", "enough"]] = [7.0, True]
    assert sum(each.wrong for each in check(known, stored, pairs).kpis) == 1
    pairs.loc[1:1, "acceptable"] = 7.0  # late readings may have restated it
    assert check(known, stored, pairs).well


def test_the_state_says_why_there_is_no_number():
    """What noise_lden_day and traffic_week_change come to in a day that nothing was before."""
    devices_ = ("here.noise-0", "here.loop-0")
    first_us = 1_763_852_400_000_000  # 2025-11-22T23:00Z, midnight
    hours = np.arange(24)
    rows = pd.concat(
        pd.DataFrame({"device": device, "quantity": quantity, "measured_us": first_us + hours * 3_600_000_000, "true": 50.0})
        for device, quantity in zip(devices_, ("sound_level", "vehicle_count"), strict=True)
    )
    rows = rows.assign(value=rows["true"], stamped_us=rows["measured_us"], acceptable=True, in_time=True)
    rows.loc[(rows["device"] == devices_[0]) & np.tile(hours >= 19, 2), "in_time"] = False
    levels = {device: {"city": "here"} for device in devices_}
    ground = Ground(CITY, levels, dict.fromkeys(devices_, 900.0), {"here": 1_000}, CATALOGUE.kpis)  # type: ignore[arg-type]
    names = ("noise_lden_day", "noise_day", "noise_night", "traffic_day", "traffic_week_change")
    kpis, skipped = truth.judge(rows, [CATALOGUE.kpis[name] for name in names], ground)
    assert not skipped
    found = kpis.set_index("kpi")
    assert found["state"].to_dict() == {
        "noise_lden_day": "not_enough_data",
        "noise_day": "ok",
        "noise_night": "ok",
        "traffic_day": "ok",
        "traffic_week_change": "not_enough_data",
    }
    assert found["acceptable"].notna().to_dict() == {**dict.fromkeys(names, True), "traffic_week_change": False}
    assert found.loc["noise_lden_day", "true"] == pytest.approx(10 * np.log10((12 * 1e5 + 4 * 10**5.5 + 8 * 1e6) / 24))


def test_what_looks_back_beyond_the_run_is_not_held_against_a_database_that_knows_more(known):
    table = known.kpis.iloc[:4].assign(kpi=["noise_now", "noise_now", "traffic_week_change", "noise_now"], window_start_us=START_US, in_time=np.nan)
    assert said_in_time(table.assign(acceptable=[np.nan, 1.0, np.nan, np.nan], devices=[1, 1, 1, np.nan]), CATALOGUE.kpis).index.tolist() == [0]
    assert said_in_time(table.assign(in_time=1.0, devices=1), CATALOGUE.kpis).index.tolist() == [0, 1, 2, 3]


def test_the_files_hold_all_of_it(known, tmp_path):
    readings, kpis = truth.write(known, tmp_path / "deep" / "truth.parquet")
    assert kpis.name == "truth.kpis.parquet"
    pd.testing.assert_frame_equal(pd.read_parquet(readings), known.readings)
    pd.testing.assert_frame_equal(pd.read_parquet(kpis), known.kpis)

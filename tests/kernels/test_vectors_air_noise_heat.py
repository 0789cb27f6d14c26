"""Contracts of air, noise and heat: parameters by their names, missing in and missing out, plain JSON values."""

import json
import math

import pytest

from kernels.vectors.air import FUNCTIONS as AIR
from kernels.vectors.heat import FUNCTIONS as HEAT
from kernels.vectors.noise import FUNCTIONS as NOISE

FUNCTIONS = {**AIR, **NOISE, **HEAT}
HOURS = {"hourly_laeq_local_00_to_23": [50.0] * 7 + [60.0] * 12 + [55.0] * 4 + [50.0]}
LONG_NIGHT = 10 * math.log10((4 * 10**5.5 + 8 * 10**5) / 12)
LONG_LDEN = 10 * math.log10((12 * 10**6 + 12 * 10 ** (LONG_NIGHT / 10 + 1)) / 24)

CASES = [
    ("eaqi_2024_band", {"pollutant": "pm25", "conc_ugm3": 5.4}, {}, 2),
    ("eaqi_2024_band", {"pollutant": "pm25", "conc_ugm3": 5.4}, {"round_to_integer": True}, 1),
    ("eaqi_2024_band", {"pollutant": "so2", "conc_ugm3": -0.1}, {}, None),
    ("eaqi_legacy_band", {"pollutant": "o3", "conc_ugm3": 250}, {}, 5),
    ("eaqi_legacy_band", {"pollutant": "o3", "conc_ugm3": 250}, {"index_version": "eaqi-2017"}, 5),
    ("eaqi_legacy_band", {"pollutant": "no2", "conc_ugm3": 95}, {"index_version": "eaqi-2017"}, 2),
    ("eaqi_legacy_band", {"pollutant": "no2", "conc_ugm3": None}, {}, None),
    ("eaqi_2024_overall", {"pm25": 5, "pm10": -1, "so2": 20}, {}, {"band": 1, "drivers": "pm25,so2"}),
    ("eaqi_2024_overall", {}, {}, {"band": None, "drivers": ""}),
    ("belaqi_daily", {"pm10": None, "pm25": 12, "o3": 50, "no2": 14}, {}, 5),
    ("belaqi_daily", {"pm10": None, "pm25": None, "o3": 50, "no2": 14}, {}, None),
    ("belaqi_hourly", {"pm10": 10, "pm25": 3.5, "o3": None, "no2": 10}, {}, None),
    ("us_aqi_pm25_2024", {"pm25_24h_ugm3": None}, {}, None),
    ("us_aqi_pm25_2024", {"pm25_24h_ugm3": 900}, {}, 500),
    ("us_aqi_pm10", {"pm10_24h_ugm3": -1}, {}, None),
    ("us_aqi_pm10", {"pm10_24h_ugm3": 425}, {}, 301),
    ("nowcast_pm", {"hourly_most_recent_first": [None, None, 20, 20]}, {}, None),
    ("nowcast_pm", {"hourly_most_recent_first": [0] * 12}, {}, 0.0),
    ("nowcast_pm25_aqi", {"hourly_most_recent_first": [35.5] * 12}, {}, 101),
    ("nowcast_pm25_aqi", {"hourly_most_recent_first": []}, {}, None),
    ("ppb_to_ugm3", {"gas": "no2", "ppb": None}, {}, None),
    ("ppb_to_ugm3", {"gas": "x", "ppb": 8.314462618}, {"M_g_mol": 1000, "T_K": 1, "P_Pa": 2}, 2.0),
    ("mean_with_capture", {"values": []}, {}, None),
    ("mean_with_capture", {"values": [1, None]}, {"min_fraction": 0.5}, 1.0),
    ("mean_with_capture", {"values": [1, None]}, {"min_fraction": 0.75}, None),
    ("max_daily_8h_mean", {"hourly_31": [None] * 31}, {}, None),
    ("exceedances", {"values": [None, 3, 2], "limit": 2, "allowed": 0}, {}, {"count": 1, "valid": 2, "compliant": False}),
    ("exceedances", {"values": [3]}, {"limit": 2, "allowed": 1}, {"count": 1, "valid": 1, "compliant": True}),
    ("leq", {"levels_db": []}, {}, None),
    ("leq", {"levels_db": [None, 60]}, {}, 60.0),
    ("leq_weighted", {"levels_db": [None, 60], "durations_s": [9, 1]}, {}, 60.0),
    ("lden", {"lday": 60, "levening": None, "lnight": 50}, {}, None),
    ("lden", {"lday": 60, "levening": None, "lnight": 50}, {"hours": [16, 0, 8]}, 60.0),
    ("lden_from_hours", HOURS, {}, {"lday": 60.0, "levening": 55.0, "lnight": 50.0, "lden": 60.0}),
    ("lden_from_hours", HOURS, {"starts": [7, 19, 19]}, {"lday": 60.0, "levening": None, "lnight": LONG_NIGHT, "lden": LONG_LDEN}),
    ("ln_percentile", {"levels_db": [None], "n_percent": 10}, {}, None),
    ("ln_percentile", {"levels_db": [50, 60]}, {"n_percent": 0}, 60.0),
    ("noise_exceedance", {"levels_db": [], "threshold_db": 55}, {}, {"samples": 0, "events": 0, "fraction": None}),
    ("noise_exceedance", {"levels_db": [56, None, 56]}, {"threshold_db": 55}, {"samples": 2, "events": 2, "fraction": 1.0}),
    ("heat_index_nws_c", {"t_c": None, "rh_pct": 50}, {}, None),
    ("humidex", {"t_c": 25, "rh_pct": None}, {}, None),
    ("humidex", {"t_c": 0, "td_c": 0}, {}, 5 / 9 * (6.112 - 10)),
    ("wbgt_simple", {"t_c": 0, "rh_pct": 0}, {}, 3.94),
    ("utci_c", {"t_c": 25, "tmrt_c": 25, "v10_ms": None, "rh_pct": 50}, {}, None),
    ("utci_band", {"utci_c": None}, {}, None),
    ("utci_band", {"utci_c": -40}, {}, "very strong cold"),
    ("heat_days", {"tmin": [], "tmax": []}, {}, {"tropical_nights": 0, "summer_days": 0, "tropical_days": 0, "heatwaves": 0}),
    (
        "heat_days",
        {"tmin": [21], "tmax": [26, 26]},
        {"tropical_night_c": 21, "wave_days": 2, "wave_tropical_days": 0},
        {"tropical_nights": 0, "summer_days": 2, "tropical_days": 0, "heatwaves": 1},
    ),
]


def close(got, wanted):
    if isinstance(wanted, dict):
        return got.keys() == wanted.keys() and all(close(got[key], wanted[key]) for key in wanted)
    if isinstance(wanted, float):
        return isinstance(got, float) and math.isclose(got, wanted, abs_tol=1e-11)
    return type(got) is type(wanted) and got == wanted


@pytest.mark.parametrize(("function", "inputs", "params", "wanted"), CASES)
def test_a_contract(function, inputs, params, wanted):
    got = FUNCTIONS[function](inputs, params)
    assert close(got, wanted), got
    assert json.loads(json.dumps(got, allow_nan=False)) == got


def test_calm_air_is_raised_by_its_own_option():
    calm = {"t_c": 35, "tmrt_c": 35, "v10_ms": 0.3, "rh_pct": 50}
    assert FUNCTIONS["utci_c"](calm, {}) is None
    assert FUNCTIONS["utci_c"](calm, {"clamp_low_wind": True}) == FUNCTIONS["utci_c"]({**calm, "v10_ms": 0.5}, {})


def test_every_contract_has_a_case():
    assert {case[0] for case in CASES} | {"utci_c"} == set(FUNCTIONS)
    assert len(FUNCTIONS) == 25

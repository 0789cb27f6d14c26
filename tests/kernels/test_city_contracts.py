"""Edges of the contracts of mobility, waste, energy, assets and registers, worked out by hand from their formulas.

Each line: function, inputs, parameters, and what follows from the formula; null is missing. An indented line goes on with the one before.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from kernels.vectors import assets, energy, mobility, registers, waste
from kernels.vectors.plain import Function

FUNCTIONS: Mapping[str, Function] = {
    **mobility.FUNCTIONS,
    **waste.FUNCTIONS,
    **energy.FUNCTIONS,
    **assets.FUNCTIONS,
    **registers.FUNCTIONS,
}

MOBILITY = """
flow_vph                {"count":7,"interval_s":900}                                   {}  28.0
flow_vph                {"count":null,"interval_s":60}                                 {}  null
flow_vph                {"count":4,"interval_s":0}                                     {}  null
flow_vph_with_gaps      {"counts":[6,null,null,6],"interval_s":600}                    {"min_fraction":0.75} null
flow_vph_with_gaps      {"counts":[6,null,null,6],"interval_s":600}                    {"min_fraction":0.5} 36.0
flow_vph_with_gaps      {"counts":[],"interval_s":600}                                 {"min_fraction":0.75} null
flow_vph_with_gaps      {"counts":[0,0,0,null],"interval_s":600}                       {"min_fraction":0.75} 0.0
mean_speeds             {"speeds_kmh":[0,-4,30,null]}                                  {}  {"time_mean":30.0,"space_mean":30.0,"n":1}
mean_speeds             {"speeds_kmh":[0]}                                             {}  {"time_mean":null,"space_mean":null,"n":0}
density                 {"flow_vph":0,"space_mean_kmh":null}                           {}  0.0
density                 {"flow_vph":0,"space_mean_kmh":0}                              {}  null
density                 {"flow_vph":null,"space_mean_kmh":50}                          {}  null
density_from_occupancy  {"occupancy":null,"veh_len_m":4,"det_len_m":2}                 {}  null
density_from_occupancy  {"occupancy":0.5,"veh_len_m":0,"det_len_m":0}                  {}  null
density_from_occupancy  {"occupancy":1,"veh_len_m":8,"det_len_m":2}                    {}  100.0
occupancy               {"on_times_s":[],"interval_s":30}                              {}  0.0
occupancy               {"on_times_s":[20,20],"interval_s":30}                         {}  1.0
occupancy               {"on_times_s":[1,null],"interval_s":30}                        {}  null
occupancy               {"on_times_s":[1],"interval_s":0}                              {}  null
travel_time_index       {"travel_time_s":300,"free_flow_s":0}                          {}  null
travel_time_index       {"travel_time_s":null,"free_flow_s":300}                       {}  null
travel_time_index       {"travel_time_s":300,"free_flow_s":300}                        {}  {"tti":1.0,"congestion_pct":0.0,"delay_s":0.0}
reliability             {"travel_times_s":[],"free_flow_s":100}                        {}  null
reliability             {"travel_times_s":[200,null],"free_flow_s":100}                {}  {"pti":2.0,"buffer_index":0.0}
reliability             {"travel_times_s":[200],"free_flow_s":0}                       {}  {"pti":null,"buffer_index":0.0}
los_freeway_density     {"density_pc_km_lane":0}                                       {}  "A"
los_freeway_density     {"density_pc_km_lane":11.18}                                   {}  "B"
los_freeway_density     {"density_pc_km_lane":27.97}                                   {}  "F"
los_freeway_density     {"density_pc_km_lane":-1}                                      {}  null
los_freeway_density     {"density_pc_km_lane":null}                                    {}  null
los_signal_delay        {"control_delay_s":35}                                         {}  "C"
los_signal_delay        {"control_delay_s":35.01}                                      {}  "D"
los_signal_delay        {"control_delay_s":80.5}                                       {}  "F"
los_signal_delay        {"control_delay_s":null}                                       {}  null
queue_deterministic     {"arrivals":[3,0,9],"capacity":[5,5,5]}                        {}  {"queue_end":[0,0,4],"max":4}
queue_deterministic     {"arrivals":[8,null,1],"capacity":[5,5,5]}                     {}  {"queue_end":[3,null,null],"max":3}
queue_deterministic     {"arrivals":[8,2],"capacity":5}                                {}  {"queue_end":[3,0],"max":3}
queue_deterministic     {"arrivals":[],"capacity":[]}                                  {}  {"queue_end":[],"max":null}
parking_occupancy       {"occupied":20,"capacity":60,"out_of_service":20}              {}  {"occupancy":0.5,"free":20,"over_capacity":false}
parking_occupancy       {"occupied":40,"capacity":60,"out_of_service":20}              {}  {"occupancy":1.0,"free":0,"over_capacity":false}
parking_occupancy       {"occupied":0,"capacity":60,"out_of_service":60}               {}  null
parking_occupancy       {"occupied":null,"capacity":60,"out_of_service":0}             {}  null
parking_turnover        {"stay_minutes":[60],"spaces":0,"period_h":8}                  {}  null
parking_turnover        {"stay_minutes":[480,480],"spaces":2,"period_h":8}             {}
    {"turnover":1,"mean_stay_min":480,"space_hours_used":16,"utilisation":1}
parking_turnover        {"stay_minutes":[60,null],"spaces":2,"period_h":1}             {}
    {"turnover":1,"mean_stay_min":60,"space_hours_used":null,"utilisation":null}
bikeshare_availability  {"states_bikes_docks_seconds":[]}                              {}  null
bikeshare_availability  {"states_bikes_docks_seconds":[[1,0,0]]}                       {}  null
bikeshare_availability  {"states_bikes_docks_seconds":[[0,1,900],[1,0,300]]}           {}  {"bike_avail":0.25,"dock_avail":0.75}
bikeshare_availability  {"states_bikes_docks_seconds":[[null,1,900],[1,0,300]]}        {}  {"bike_avail":1.0,"dock_avail":0.75}
excess_waiting_time     {"actual_headways_min":[],"scheduled_headways_min":[]}         {}  null
excess_waiting_time     {"actual_headways_min":[4,4],"scheduled_headways_min":[]}      {}  {"awt":2,"swt":null,"ewt":null,"cv":0}
excess_waiting_time     {"actual_headways_min":[5,5],"scheduled_headways_min":[0,10]}  {}  {"awt":2.5,"swt":5,"ewt":-2.5,"cv":0}
on_time_performance     {"delays_s":[-60,300]}                                         {"early_s":-60,"late_s":300} 1.0
on_time_performance     {"delays_s":[-61,301,0]}                                       {} 0.3333333333333333
on_time_performance     {"delays_s":[null]}                                            {"early_s":-60,"late_s":300} null
on_time_performance     {"delays_s":[]}                                                {"early_s":-60,"late_s":300} null
on_time_performance     {"delays_s":[0,0,0],"cancelled":1}                             {"early_s":0,"late_s":120} 0.75
"""

OTHERS = """
fill_level              {"sensor_to_bottom_cm":100,"distance_cm":140,"usable_height_cm":80}     {}  0.0
fill_level              {"sensor_to_bottom_cm":100,"distance_cm":60,"usable_height_cm":0}       {}  null
fill_level              {"sensor_to_bottom_cm":null,"distance_cm":60,"usable_height_cm":80}     {}  null
days_to_full            {"t_days":[0,1],"fill":[0.1,0.2],"threshold":0.8}                       {}  null
days_to_full            {"t_days":[1,1,1],"fill":[0.1,0.2,0.3],"threshold":0.8}                 {}  null
days_to_full            {"t_days":[0,1,2],"fill":[0.5,0.5,0.5],"threshold":0.8}   {} {"ols_slope":0,"ols_days":null,"ts_slope":0,"ts_days":null}
days_to_full            {"t_days":[0,1,2],"fill":[0.5,0.75,1.0],"threshold":0.8}  {} {"ols_slope":0.25,"ols_days":0,"ts_slope":0.25,"ts_days":0}
days_to_full            {"t_days":[0,1,2,3],"fill":[0,0.125,null,0.375],"threshold":0.5} {}
    {"ols_slope":0.125,"ols_days":1,"ts_slope":0.125,"ts_days":1}
load_factor             {"power_kw":[null,5,15]}                                                {}  {"load_factor":0.6666666666666666,"peak_kw":15}
load_factor             {"power_kw":[]}                                                         {}  null
load_factor             {"power_kw":[-3,-1]}                                                    {}  null
energy_intensity        {"kwh":3000,"floor_m2":100,"days_covered":73,"days_year":365}           {}  150.0
energy_intensity        {"kwh":3000,"floor_m2":100,"days_covered":0,"days_year":365}            {}  null
energy_intensity        {"kwh":null,"floor_m2":100,"days_covered":73,"days_year":365}           {}  null
heating_degree_days     {"t_mean_daily_c":[18,19,25],"base_c":18}                               {}  0.0
heating_degree_days     {"t_mean_daily_c":[],"base_c":18}                                       {}  null
heating_degree_days     {"t_mean_daily_c":[8,8,null,8],"base_c":18}                             {}  30.0
heating_degree_days     {"t_mean_daily_c":[8,null],"base_c":18}                                 {}  null
energy_signature        {"hdd":[4,4,4],"kwh":[1,2,3]}                                           {}  null
energy_signature        {"hdd":[4],"kwh":[1]}                                                   {}  null
energy_signature        {"hdd":[0,10,null,20],"kwh":[5,25,99,45]}                               {}  {"slope":2,"base":5,"r2":1}
min_night_flow          {"hourly_flow_00_to_07_m3h":[9,9,1,1,9,9,9,9],"legit_night_use_m3h":2,"mean_day_flow_m3h":5} {}
    {"mnf":1,"net_night_leak":0,"ratio_mnf_mean":0.2}
min_night_flow          {"hourly_flow_00_to_07_m3h":[9,9,null,1,9,9,9,9],"legit_night_use_m3h":2,"mean_day_flow_m3h":5} {} null
min_night_flow          {"hourly_flow_00_to_07_m3h":[9,9,1,1,9,9,9,9],"legit_night_use_m3h":0.5,"mean_day_flow_m3h":0} {}
    {"mnf":1,"net_night_leak":0.5,"ratio_mnf_mean":null}
counter_increase        {"readings":[100,110,5,15]}                                             {"modulus":null}  25
counter_increase        {"readings":[50,60,10,20]}                                              {"modulus":100000}  30
counter_increase        {"readings":[75,25]}                                                    {"modulus":100}  25
counter_increase        {"readings":[76,25]}                                                    {"modulus":100}  49
counter_increase        {"readings":[42]}                                                       {"modulus":null}  null
counter_increase        {"readings":[]}                                                         {"modulus":null}  null
counter_increase        {"readings":[null,7,null]}                                              {"modulus":null}  null
counter_increase        {"readings":[100,98,103]}                                               {"modulus":null,"min_reset_drop":5}  3
counter_increase        {"readings":[0.1,0.2,0.3]}                                              {"modulus":null}  0.2
prometheus_increase     {"t_s":[10],"values":[1],"range_start_s":0,"range_end_s":60}            {}  null
prometheus_increase     {"t_s":[0,30],"values":[1,5],"range_start_s":0,"range_end_s":60}        {}  null
prometheus_increase     {"t_s":[20,40],"values":[0,10],"range_start_s":0,"range_end_s":60}      {}  {"increase":20,"rate_per_s":0.3333333333333333}
prometheus_increase     {"t_s":[40,60],"values":[100,110],"range_start_s":0,"range_end_s":60}   {}  {"increase":15,"rate_per_s":0.25}
prometheus_increase     {"t_s":[20,40,60],"values":[7,null,7],"range_start_s":0,"range_end_s":60} {} {"increase":0,"rate_per_s":0}
return_level_gumbel     {"annual_maxima":[3,3,3],"return_period_y":50}                          {}  3
return_level_gumbel     {"annual_maxima":[3],"return_period_y":50}                              {}  null
return_level_gumbel     {"annual_maxima":[3,4,5],"return_period_y":1}                           {}  null
empirical_return_period {"annual_maxima":[1,2,3],"level":3}                                     {}  4
empirical_return_period {"annual_maxima":[1,2,null,3],"level":0}                                {}  1.3333333333333333
empirical_return_period {"annual_maxima":[1,2,3],"level":3.1}                                   {}  null
streetlight_availability {"working":0,"faulty":0,"unknown":4,"total":4}  {} {"availability_known":null,"availability_total":0,"unknown_share":1}
streetlight_availability {"working":0,"faulty":0,"unknown":0,"total":0}                         {}  null
completeness            {"received_distinct":5,"expected":0}                                    {}  null
completeness            {"received_distinct":null,"expected":96}                                {}  null
completeness            {"received_distinct":0,"expected":96}                                   {}  0
uptime                  {"down_intervals_s":[],"period_s":60}                                   {}  {"availability":1,"down_s":0}
uptime                  {"down_intervals_s":[[30,50],[0,10],[40,45],[10,15]],"period_s":100}    {}  {"availability":0.65,"down_s":35}
uptime                  {"down_intervals_s":[[-30,10],[90,200]],"period_s":100}                 {}  {"availability":0.8,"down_s":20}
uptime                  {"down_intervals_s":[[90,null]],"period_s":100}                         {}  {"availability":0.9,"down_s":10}
uptime                  {"down_intervals_s":[],"period_s":0}                                    {}  null
rate_per                {"events":0,"population":1000,"base":1000}                              {}  {"rate":0,"ci_low":0,"ci_high":3.6888794541139363}
rate_per                {"events":null,"population":1000,"base":1000}                           {}  null
rate_per                {"events":0,"population":0,"base":1000}                                 {}  null
budget_per_client       {"spent_eur":10,"planned_year_eur":40,"clients":0,"year_fraction":0.5}  {}
    {"utilisation":0.25,"pace":0.5,"per_client_eur":null,"linear_forecast_eur":20}
budget_per_client       {"spent_eur":10,"planned_year_eur":40,"clients":2,"year_fraction":0}    {}
    {"utilisation":0.25,"pace":null,"per_client_eur":5,"linear_forecast_eur":null}
budget_per_client       {"spent_eur":null,"planned_year_eur":40,"clients":2,"year_fraction":0.5} {} null
delivery_vs_plan        {"delivered":5,"planned":0}                                             {}  null
delivery_vs_plan        {"delivered":null,"planned":5}                                          {}  null
new_dwellings_per_1000  {"delivered":0,"stock_jan1":58000}                                      {}  0
new_dwellings_per_1000  {"delivered":10,"stock_jan1":0}                                         {}  null
suppress_small          {"counts":[]}                                                           {"k":5}  []
suppress_small          {"counts":[4,9,7,7]}                                                    {"k":5}  [null,9,null,7]
suppress_small          {"counts":[3,4,50,10]}                                                  {"k":5}  [null,null,50,10]
suppress_small          {"counts":[1,2,20,50]}                                                  {"k":5}  [null,null,null,50]
suppress_small          {"counts":[5,6]}                                                        {"k":5}  [5,6]
suppress_small          {"counts":[9,30,40]}                                                    {"k":10}  [null,null,40]
suppress_small          {"counts":[3]}                                                          {}  [null]
suppress_small          {"counts":[2,null,8]}                                                   {"k":5}  [null,null,null]
round_to_5              {"n":3}                                                                 {}  5
round_to_5              {"n":-3}                                                                {}  -5
round_to_5              {"n":2.5}                                                               {}  5
round_to_5              {"n":null}                                                              {}  null
"""


def cases(text: str) -> list[tuple[str, Any, Any, Any]]:
    read = json.JSONDecoder().raw_decode
    found = []
    for line in re.sub(r"\n +", " ", text.strip()).splitlines():
        name, rest = line.split(maxsplit=1)
        inputs, at = read(rest)
        params, used = read(rest[at:].lstrip())
        found.append((name, inputs, params, json.loads(rest[at:].lstrip()[used:])))
    return found


@pytest.mark.parametrize(("name", "inputs", "params", "wanted"), cases(MOBILITY) + cases(OTHERS))
def test_a_contract_holds_at_its_edge(name: str, inputs: Any, params: Any, wanted: Any) -> None:
    got = FUNCTIONS[name](inputs, params)
    if isinstance(wanted, dict):
        assert isinstance(got, dict)
        assert {key: pytest.approx(value, abs=1e-9) if isinstance(value, float) else value for key, value in wanted.items()} == got
    else:
        assert got == (pytest.approx(wanted, abs=1e-9) if isinstance(wanted, float) else wanted)
        assert (got is None) == (wanted is None)


def test_every_contract_has_an_edge_here() -> None:
    assert {name for name, *_ in cases(MOBILITY) + cases(OTHERS)} == set(FUNCTIONS)

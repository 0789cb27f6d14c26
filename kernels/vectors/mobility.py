"""Contracts of traffic, parking, shared bicycles and public transport.

Promises  Missing in is missing out; an object of results is missing as a whole where nothing of it can be told.
Leaves    The arithmetic to the kernels.
"""

from collections.abc import Mapping

import numpy as np

from kernels import bikeshare, flow, parking, queue, service_level, speed, transit
from kernels.vectors.plain import Function, Inputs, Params, number, numbers, option, plain


def _flow_vph(inputs: Inputs, params: Params) -> object:
    return plain(flow.flow_vph(number(inputs["count"]), number(option(inputs, params, "interval_s")))[0])


def _flow_with_gaps(inputs: Inputs, params: Params) -> object:
    fraction = number(option(inputs, params, "min_fraction", default=0.75))
    return plain(flow.flow_with_gaps(numbers(inputs["counts"]), number(option(inputs, params, "interval_s")), fraction).value)


def _mean_speeds(inputs: Inputs, _: Params) -> object:
    found = speed.mean_speeds(numbers(inputs["speeds_kmh"]))
    return plain({"time_mean": found.time_mean, "space_mean": found.space_mean, "n": found.n})


def _density(inputs: Inputs, _: Params) -> object:
    return plain(flow.density(number(inputs["flow_vph"]), number(inputs["space_mean_kmh"]))[0])


def _density_from_occupancy(inputs: Inputs, params: Params) -> object:
    lengths = [number(option(inputs, params, name)) for name in ("veh_len_m", "det_len_m")]
    return plain(flow.density_from_occupancy(number(inputs["occupancy"]), *lengths)[0])


def _occupancy(inputs: Inputs, params: Params) -> object:
    return plain(flow.occupancy(flow.summed_on_time(numbers(inputs["on_times_s"])), number(option(inputs, params, "interval_s")))[0])


def _travel_time_index(inputs: Inputs, params: Params) -> object:
    time_s, free_s = number(inputs["travel_time_s"]), number(option(inputs, params, "free_flow_s"))
    index = float(speed.travel_time_index(time_s, free_s)[0])
    if np.isnan(index):
        return None
    return plain({"tti": index, "congestion_pct": speed.congestion_pct(time_s, free_s)[0], "delay_s": speed.delay_s(time_s, free_s)[0]})


def _reliability(inputs: Inputs, params: Params) -> object:
    found = speed.reliability(numbers(inputs["travel_times_s"]), number(option(inputs, params, "free_flow_s")))
    return None if np.isnan(found.buffer_index) else plain({"pti": found.planning_time_index, "buffer_index": found.buffer_index})


def _los_freeway_density(inputs: Inputs, _: Params) -> object:
    return service_level.letter(int(service_level.los_freeway_density(number(inputs["density_pc_km_lane"]))[0]))


def _los_signal_delay(inputs: Inputs, _: Params) -> object:
    return service_level.letter(int(service_level.los_signal_delay(number(inputs["control_delay_s"]))[0]))


def _queue(inputs: Inputs, params: Params) -> object:
    capacity = option(inputs, params, "capacity")
    could = numbers(capacity) if isinstance(capacity, list) else np.array([number(capacity)])
    found = queue.queue(numbers(inputs["arrivals"]), could, number(option(inputs, params, "initial", "queue_start", default=0.0)))
    return plain({"queue_end": found.end, "max": found.longest})


def _parking_occupancy(inputs: Inputs, params: Params) -> object:
    shut = number(inputs["out_of_service"]) if "out_of_service" in inputs else number(params.get("out_of_service", 0))
    found = parking.parking_occupancy(number(inputs["occupied"]), number(option(inputs, params, "capacity")), shut)
    if np.isnan(found.share[0]):
        return None
    return plain({"occupancy": found.share[0], "free": found.free[0], "over_capacity": bool(found.over_capacity[0])})


def _parking_turnover(inputs: Inputs, params: Params) -> object:
    spaces, period_h = number(option(inputs, params, "spaces")), number(option(inputs, params, "period_h"))
    found = parking.parking_turnover(numbers(inputs["stay_minutes"]), spaces, period_h)
    if np.isnan(found.stays_per_space):
        return None
    names = ("turnover", "mean_stay_min", "space_hours_used", "utilisation")
    return plain(dict(zip(names, found, strict=True)))


def _bikeshare_availability(inputs: Inputs, _: Params) -> object:
    states = np.array([numbers(state) for state in inputs["states_bikes_docks_seconds"]], np.float64).reshape(-1, 3)
    found = bikeshare.bikeshare_availability(states[:, 0], states[:, 1], states[:, 2])
    return None if np.isnan(found.bike) and np.isnan(found.dock) else plain({"bike_avail": found.bike, "dock_avail": found.dock})


def _excess_waiting_time(inputs: Inputs, _: Params) -> object:
    found = transit.excess_waiting_time(numbers(inputs["actual_headways_min"]), numbers(inputs["scheduled_headways_min"]))
    if np.isnan(found.actual) and np.isnan(found.scheduled):
        return None
    return plain({"awt": found.actual, "swt": found.scheduled, "ewt": found.excess, "cv": found.variation})


def _on_time_performance(inputs: Inputs, params: Params) -> object:
    early, late = (number(option(inputs, params, name, default=default)) for name, default in (("early_s", -60), ("late_s", 300)))
    cancelled = int(option(inputs, params, "cancelled", default=0))
    return plain(transit.on_time_performance(numbers(inputs["delays_s"]), early, late, cancelled).on_time)


FUNCTIONS: Mapping[str, Function] = {
    "bikeshare_availability": _bikeshare_availability,
    "density": _density,
    "density_from_occupancy": _density_from_occupancy,
    "excess_waiting_time": _excess_waiting_time,
    "flow_vph": _flow_vph,
    "flow_vph_with_gaps": _flow_with_gaps,
    "los_freeway_density": _los_freeway_density,
    "los_signal_delay": _los_signal_delay,
    "mean_speeds": _mean_speeds,
    "occupancy": _occupancy,
    "on_time_performance": _on_time_performance,
    "parking_occupancy": _parking_occupancy,
    "parking_turnover": _parking_turnover,
    "queue_deterministic": _queue,
    "reliability": _reliability,
    "travel_time_index": _travel_time_index,
}

"""Air quality indices: edges of bands, what is missing, what may not be published."""

import numpy as np
import pytest

from kernels.air_index import (
    BELAQI_DAILY,
    BELAQI_HOURLY,
    EAQI_2017,
    EAQI_2024,
    EAQI_CLASSIC,
    EDGES,
    POLLUTANTS,
    band,
    belaqi_daily,
    belaqi_hourly,
    eaqi_2017,
    eaqi_2024,
    eaqi_classic,
    eaqi_complete,
    overall,
)
from kernels.errors import KernelInputError

NAN, INF = np.nan, np.inf


def column(*values):
    return np.array(values, np.float64)


@pytest.mark.parametrize("version", sorted(EDGES))
def test_an_edge_stays_in_the_lower_band_and_the_next_number_leaves_it(version):
    for pollutant, edges in zip(POLLUTANTS, EDGES[version], strict=False):
        wanted = np.arange(1.0, len(edges) + 1)
        np.testing.assert_array_equal(band(version, pollutant, column(*edges)), wanted)
        np.testing.assert_array_equal(band(version, pollutant, np.nextafter(column(*edges), INF)), wanted + 1)
        assert (np.diff(edges) > 0).all()


@pytest.mark.parametrize(
    ("version", "bands", "pollutants"), [(EAQI_2024, 6, 5), (EAQI_CLASSIC, 6, 5), (EAQI_2017, 5, 5), (BELAQI_DAILY, 10, 4), (BELAQI_HOURLY, 10, 4)]
)
def test_a_table_has_its_bands_and_pollutants(version, bands, pollutants):
    assert [len(edges) for edges in EDGES[version]] == [bands - 1] * pollutants
    assert band(version, "pm10", column(1e9))[0] == bands


def test_what_is_missing_infinite_or_negative_has_no_band():
    got = band(EAQI_2024, "no2", column(NAN, INF, -INF, -0.1, -5e-324, -0.0, 0.0, 5e-324))
    np.testing.assert_array_equal(got, column(NAN, NAN, NAN, NAN, NAN, 1, 1, 1))


def test_rounding_to_whole_numbers_is_half_up_and_spares_the_negative():
    got = band(EAQI_2024, "pm2_5", column(5.4, 5.5, 15.49, 15.5, -0.3, NAN), round_to_integer=True)
    np.testing.assert_array_equal(got, column(1, 2, 2, 3, NAN, NAN))


def test_the_worst_pollutant_decides_and_all_that_reach_it_are_named():
    found = overall(EAQI_2024, column(4, NAN, NAN), column(16, NAN, 14), column(24, NAN, 101), column(70, NAN, NAN), column(5, NAN, NAN))
    np.testing.assert_array_equal(found.band, column(2, NAN, 5))
    assert found.drivers.tolist() == [0b01110, 0, 0b00100]
    assert found.index_version == "eaqi-2024"


def test_the_versions_differ():
    air = [column(20), column(30), column(50), column(110), column(150)]
    assert [each(*air).tolist() for each in (eaqi_2024, eaqi_classic, eaqi_2017)] == [[4], [3], [2]]


@pytest.mark.parametrize("index", [belaqi_daily, belaqi_hourly])
def test_belaqi_needs_nitrogen_dioxide_ozone_and_one_kind_of_dust(index):
    got = index(column(2, NAN, 2, NAN, 2, 2, -1), column(4, 4, NAN, NAN, 4, 4, 4), column(4, 4, 4, 4, NAN, 4, 4), column(20, 20, 20, 20, 20, INF, 20))
    np.testing.assert_array_equal(got, column(1, 1, 1, NAN, NAN, NAN, 1))


def test_belaqi_of_a_day_and_of_an_hour_have_their_own_tables():
    air = (column(12), column(20), column(14), column(50))
    assert belaqi_daily(*air).tolist() == [5]
    assert belaqi_hourly(*air).tolist() == [4]


def test_ozone_is_asked_for_away_from_traffic_only():
    air = (column(NAN, 1, NAN), column(1, NAN, NAN), column(1, 1, 1), column(NAN, NAN, 1))
    assert eaqi_complete(*air).tolist() == [False, False, False]
    assert eaqi_complete(*air, traffic=True).tolist() == [True, True, False]


def test_nothing_in_gives_nothing_out():
    none = column()
    assert eaqi_2024(none, none, none, none, none).size == 0
    assert belaqi_hourly(none, none, none, none).size == 0


def test_a_wrong_argument_is_named():
    with pytest.raises(KernelInputError, match="version: wanted one of"):
        overall("eaqi-2023", column(1))
    with pytest.raises(KernelInputError, match="concentrations: wanted 5 columns, got 4"):
        overall(EAQI_2024, *[column(1)] * 4)
    with pytest.raises(KernelInputError, match="columns of one length"):
        belaqi_daily(column(1), column(1, 2), column(1), column(1))
    with pytest.raises(KernelInputError, match=r"pollutant: wanted one of .*so2"):
        band(EAQI_2024, "co", column(1))
    with pytest.raises(KernelInputError, match="got 'so2 of belaqi-2022-daily'"):
        band(BELAQI_DAILY, "so2", column(1))

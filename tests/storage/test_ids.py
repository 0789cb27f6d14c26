"""Small ids for a frame's dictionaries."""

import numpy as np
import pytest

from runtime.errors import Inconsistent
from runtime.frames import Coded
from storage.ids import UNKNOWN, require, translate

NUMBERS = {"a": 7, "b": 9}


def test_rows_get_the_number_of_their_text():
    assert translate(Coded(np.array([1, 0, 1], np.int32), ["a", "b"]), NUMBERS).tolist() == [9, 7, 9]


def test_a_text_that_no_row_uses_needs_no_number():
    column = Coded(np.array([0, 0], np.int32), ["a", "stranger"])
    require(column, translate(column, NUMBERS), "device")


def test_a_row_without_a_number_is_named():
    column = Coded(np.array([0, 1], np.int32), ["a", "stranger"])
    numbers = translate(column, NUMBERS)
    assert numbers.tolist() == [7, UNKNOWN]
    with pytest.raises(Inconsistent, match="wanted a device of the database, got 'stranger'"):
        require(column, numbers, "device")


def test_a_frame_without_rows_has_none():
    assert translate(Coded(np.array([], np.int32), []), NUMBERS).tolist() == []

"""Refusals become counts; a repeat counts once; nothing that comes can stop the writer or vanish."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from storage.refusals import Count, counts, read
from tests.storage.making import NOON_US, rejected_headers


def test_the_same_refusal_told_twice_counts_once():
    told = [read(rejected_headers(), b"x"), read(rejected_headers(), b"x"), read(rejected_headers(received_at=str(NOON_US + 1)), b"x")]
    assert counts(told) == [Count("brussels", "malformed", NOON_US, 2, 2)]


def test_a_message_counts_once_per_reason_and_its_records_one_by_one():
    rejections = [{"index": 0, "reason": "wrong_unit"}, {"index": 4, "reason": "wrong_unit"}, {"index": 5, "reason": "not_finite"}]
    refusal = read(rejected_headers(rejections=msgspec.json.encode(rejections).decode()), b"[]")
    assert counts([refusal]) == [Count("brussels", "not_finite", NOON_US, 1, 1), Count("brussels", "wrong_unit", NOON_US, 1, 2)]


def test_a_cut_list_counts_what_it_stands_for():
    rejections = [{"index": 0, "reason": "malformed"}, {"index": 64, "reason": "malformed", "detail": "36 more", "count": 36}]
    refusal = read(rejected_headers(rejections=msgspec.json.encode(rejections).decode()), b"[]")
    assert counts([refusal]) == [Count("brussels", "malformed", NOON_US, 1, 37)]


def test_a_message_refused_as_a_whole_counts_no_records():
    assert counts([read(rejected_headers("too_large", -1), b"x")]) == [Count("brussels", "too_large", NOON_US, 1, 0)]


@given(st.dictionaries(st.sampled_from(["origin", "received_at", "rejections", "city", "life"]), st.binary()), st.binary())
def test_whatever_the_headers_say_the_message_is_counted_once_per_reason(headers, value):
    counted = counts([read(list(headers.items()), value)])
    assert counted
    for count in counted:
        assert count.messages == 1
        assert "\x00" not in count.city + count.reason
        assert count.hour_us % 3_600_000_000 == 0

"""Catalogue documents reach who needs them, in an order that can be understood, in frames that Kafka takes."""

from hypothesis import given
from hypothesis import strategies as st

from catalog.topics import PARTITIONS, partition_of
from runtime.frames import decode
from storage.documents import ORDER, Document, by_partition, chunks, frame

DOCUMENT = st.builds(
    Document, st.sampled_from(ORDER), st.text("abc", min_size=1, max_size=4), st.one_of(st.none(), st.text(max_size=30)), st.just("")
)


@given(st.lists(DOCUMENT, unique_by=lambda each: (each.entity, each.id)))
def test_every_partition_gets_all_but_devices_and_a_device_goes_to_its_own(documents):
    for partition, mine in enumerate(by_partition(documents)):
        wanted = {each for each in documents if each.entity != "device" or partition_of(each.id) == partition}
        assert set(mine) == wanted
        assert [ORDER.index(each.entity) for each in mine] == sorted(ORDER.index(each.entity) for each in mine)
    assert len(by_partition(documents)) == PARTITIONS


@given(st.lists(DOCUMENT), st.integers(1, 100))
def test_chunks_hold_everything_in_order_and_stay_below_the_limit(documents, limit):
    cut = list(chunks(documents, limit))
    assert [each for chunk in cut for each in chunk] == documents
    for chunk in cut:
        assert len(chunk) == 1 or sum(len(each.id) + len((each.text or "").encode()) for each in chunk) <= limit


def test_a_frame_says_what_the_contract_says():
    read = decode(frame([Document("city", "brussels", '{"id": "brussels"}', ""), Document("device", "brussels.x", None, "")], 7))
    assert read.meta == {"schema": "readings/1", "kind": "catalogue", "seq": 7}
    entity = read.columns["entity"]
    assert [entity.texts[code] for code in entity.codes] == ["city", "device"]
    assert read.columns["id"] == ["brussels", "brussels.x"]
    assert read.columns["document"] == ['{"id": "brussels"}', None]

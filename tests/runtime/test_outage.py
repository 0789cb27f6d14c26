"""What is awaited: one sentence with its time, and news only where another thing is awaited, or none any more."""

from runtime.errors import Unavailable
from runtime.guard import Outage

KAFKA = str(Unavailable("Kafka at k:9092", "its log ends", "refused"))
SILENT = str(Unavailable("Kafka at k:9092", "its log ends", "nothing: in time"))
TOPIC = str(Unavailable("Kafka at k:9092", "a topic", "none"))
DATABASE = str(Unavailable("PostgreSQL", "an answer", "refused"))


def test_the_sentence_names_the_server_the_time_and_what_came_last() -> None:
    outage = Outage()
    assert outage.problem(5.0) is None
    assert outage.for_s(5.0) is None
    outage.saw(10.0, KAFKA)
    outage.saw(15.0, SILENT)
    assert outage.problem(22.4) == "Kafka at k:9092: awaited for 12 s: wanted its log ends, got nothing: in time"
    assert outage.for_s(22.5) == 12.5


def test_an_outage_is_news_once_whatever_comes_of_the_same_question() -> None:
    outage = Outage()
    assert [outage.saw(at_s, why) for at_s, why in enumerate([None, KAFKA, SILENT, KAFKA, None, None, KAFKA])] == [
        *(False, True, False, False, True, False, True),
    ]


def test_another_question_is_news_and_another_server_has_a_time_of_its_own() -> None:
    outage = Outage()
    assert outage.saw(0.0, KAFKA)
    assert outage.saw(4.0, TOPIC)
    assert outage.problem(6.0) == "Kafka at k:9092: awaited for 6 s: wanted a topic, got none"
    assert outage.saw(8.0, DATABASE)
    assert outage.problem(9.0) == "PostgreSQL: awaited for 1 s: wanted an answer, got refused"
    assert outage.saw(10.0, None)
    assert outage.problem(11.0) is None

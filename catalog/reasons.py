"""Why a message or a reading is refused: a closed list, because it becomes a metric label and a column."""

from enum import StrEnum


class Reason(StrEnum):
    """One word per kind of refusal; the sentence beside it says where, what was wanted and what came."""

    MALFORMED = "malformed"
    UNKNOWN_DEVICE = "unknown_device"
    UNKNOWN_QUANTITY = "unknown_quantity"
    UNKNOWN_CITY = "unknown_city"
    WRONG_UNIT = "wrong_unit"
    OUT_OF_RANGE = "out_of_range"
    NOT_FINITE = "not_finite"
    TIME_IN_FUTURE = "time_in_future"
    TIME_TOO_OLD = "time_too_old"
    IMPLAUSIBLE_POSITION = "implausible_position"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    UNSUPPORTED_FORMAT = "unsupported_format"
    DAMAGED_FRAME = "damaged_frame"

"""The supervisor's lock and state."""

from pathlib import Path

from local import state


def test_only_one_holds_the_lock_and_it_goes_with_its_holder(tmp_path: Path) -> None:
    assert state.holder(tmp_path) is None
    first = state.lock(tmp_path)
    assert first is not None
    assert state.lock(tmp_path) is None
    assert state.holder(tmp_path) is not None
    first.close()
    assert state.holder(tmp_path) is None
    second = state.lock(tmp_path)
    assert second is not None
    second.close()


def test_state_is_read_as_written_and_absent_or_torn_is_none(tmp_path: Path) -> None:
    assert state.read(tmp_path) is None
    written = state.RunState(7, 1_000, "brussels", {"mqtt": 1}, steps=[state.Step("a", "done", 1.5)])
    written.servers["kafka"] = state.Part("kafka", "failed", reason="ended")
    state.write(tmp_path, written)
    assert state.read(tmp_path) == written
    (tmp_path / "state.json").write_text('{"pid": 7')
    assert state.read(tmp_path) is None

"""Without a terminal: one line a minute, and one at the end of each task."""

from __future__ import annotations

import pytest

from packhouse._src.progress_display.log_lines import LogLines
from packhouse._src.progress_display.running_tasks import duration
from packhouse.progress import Advanced, Finished, Started


class Clock:
    """A clock that is set by hand."""

    now_s = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """Time that stands still unless it is moved."""
    return Clock()


def test_a_line_a_minute_says_count_rate_and_time_left(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not more, however many events there are; the count at the end is exact."""
    lines = LogLines(clock)
    lines(Started(task="images", total=12_000, unit="files"))
    for second in range(1, 200):
        clock.now_s = 100 + second
        lines(Advanced(task="images", done=second * 50))
    lines(Advanced(task="images", done=12_000))
    clock.now_s = 340
    lines(Finished(task="images"))

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "images: 3,000 of 12,000 files (25%), 50 files/s, 3 min 0 s left",
        "images: 6,000 of 12,000 files (50%), 50 files/s, 2 min 0 s left",
        "images: 9,000 of 12,000 files (75%), 50 files/s, 1 min 0 s left",
        "images: 12,000 files, 240.0 s",
    ]


def test_tasks_are_told_apart(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Each has its own minute; one without a total has no share and no time left."""
    lines = LogLines(clock)
    lines(Started(task="scanning", total=None, unit="files"))
    clock.now_s = 130
    lines(Started(task="join train", total=100, unit="percent"))
    clock.now_s = 165
    lines(Advanced(task="scanning", done=650))
    lines(Advanced(task="join train", done=7))
    clock.now_s = 190
    lines(Advanced(task="join train", done=60))
    lines(Finished(task="join train"))

    assert capsys.readouterr().err.splitlines() == [
        "scanning: 650 files, 10 files/s",
        "join train: 60 %, 40 s left",
        "join train: 60 %, 60.0 s",
    ]


def test_a_program_without_stderr_goes_on(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of pythonw on Windows."""
    monkeypatch.setattr("sys.stderr", None)
    lines = LogLines(clock)
    lines(Started(task="images", total=1, unit="files"))
    lines(Finished(task="images"))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations(seconds: float, words: str) -> None:
    """In two units at most."""
    assert duration(seconds) == words

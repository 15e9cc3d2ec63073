from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.submission.durations import check_cron, kubeflow_cron, seconds_of
from schema.errors import UsageError


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2D", 172_800)])
def test_a_duration_is_read(text: str, seconds: int) -> None:
    """Days, hours, minutes and seconds, alone or behind each other."""
    assert seconds_of(text, "--every") == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "1.5h", "-1h", "0s", "1 h", "1w"])
def test_what_is_no_duration_is_told(text: str) -> None:
    """Anything else is refused with the option and with what is legal; so is no time at all."""
    with pytest.raises(UsageError, match=r"--every .* is no duration\. Legal are 90s"):
        seconds_of(text, "--every")


@pytest.mark.parametrize(
    "cron", ["0 3 * * *", "*/15 0-6 1,15 jan-mar MON-FRI", "0 3 ? * 0", "TZ=Europe/Berlin 0 3 * * *"]
)
def test_a_cron_expression_passes(cron: str) -> None:
    """Five fields with lists, ranges, steps, names and a time zone come back as they are."""
    assert check_cron(f" {cron} ") == cron


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("", "has 0 fields"),
        ("0 0 3 * * *", "has 6 fields. Give five"),
        ("60 3 * * *", "'60' is no minute"),
        ("0 24 * * *", "'24' is no hour"),
        ("0 3 0 * *", "no day of the month"),
        ("0 3 * foo *", "'foo' is no month"),
        ("0 3 * * 5-1", "no day of the week"),
        ("*/0 3 * * *", "no minute"),
        ("1,,2 3 * * *", "no minute"),
    ],
)
def test_a_wrong_cron_expression_is_told(cron: str, told: str) -> None:
    """The field that is wrong is named with its range; a sixth field is not taken for seconds."""
    with pytest.raises(UsageError, match=told):
        check_cron(cron)


def test_kubeflow_reads_seconds_first() -> None:
    """Kubeflow would take five fields for seconds to months, so it gets six; a time zone it cannot have is refused."""
    assert kubeflow_cron("0 3 * * *") == "0 0 3 * * *"
    with pytest.raises(UsageError, match="takes no time zone"):
        kubeflow_cron("CRON_TZ=Asia/Tokyo 0 3 * * *")


@given(st.tuples(st.integers(0, 59), st.integers(0, 23), st.integers(1, 31), st.integers(1, 12), st.integers(0, 6)))
def test_every_moment_is_legal(fields: tuple[int, ...]) -> None:
    """A minute, hour, day, month and weekday that exist pass."""
    cron = " ".join(map(str, fields))
    assert check_cron(cron) == cron


@given(st.text(alphabet="0123456789*/,-?abcT= ", max_size=30))
def test_no_other_error_comes(cron: str) -> None:
    """Whatever is given is a cron expression or a UsageError."""
    try:
        assert len(check_cron(cron).split()) >= 5
    except UsageError as error:
        assert "--cron" in str(error)  # noqa: PT017  # either may come

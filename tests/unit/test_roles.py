from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schema.names import identifier
from schema.roles import (
    DATE_PARTS,
    ROLES,
    AnyRole,
    Bucketized,
    Categorical,
    Crossed,
    Dates,
    Hashed,
    Numeric,
    dump_roles,
    parse_roles,
)

COLUMN = st.text(min_size=1, max_size=12)
BUCKETS = st.integers(2, 1000)
ANY_ROLE: st.SearchStrategy[AnyRole] = st.one_of(
    st.builds(Numeric, column=COLUMN),
    st.builds(Bucketized, column=COLUMN, buckets=BUCKETS),
    st.builds(
        Categorical,
        column=COLUMN,
        min_count=st.integers(1, 99),
        top_k=st.none() | st.integers(1, 99),
        oov_buckets=st.integers(1, 9),
    ),
    st.builds(Hashed, column=COLUMN, buckets=BUCKETS),
    st.builds(
        Crossed,
        columns=st.lists(COLUMN, min_size=2, max_size=4).map(tuple),
        buckets=BUCKETS,
        quantiles=BUCKETS,
    ),
    st.builds(
        Dates,
        column=COLUMN,
        parts=st.lists(st.sampled_from(["month", "day", "weekday", "hour"]), min_size=1, unique=True).map(tuple),
    ),
)


@given(roles=st.lists(ANY_ROLE, max_size=6).map(tuple))
def test_roles_survive_the_way_to_the_workers(roles: tuple[AnyRole, ...]) -> None:
    """Roles written as JSON and read again are the same roles."""
    assert parse_roles(json.loads(json.dumps(dump_roles(roles)))) == roles


@given(role=ANY_ROLE)
def test_every_role_makes_a_feature_of_each_column_it_reads(role: AnyRole) -> None:
    """Every role reads a column and makes at least one feature, no two of one name, each named for its columns."""
    made = [*role.dense, *role.ids]
    assert made
    assert len(set(made)) == len(made)
    assert all(identifier(column) in name for column in role.columns for name in made)


@pytest.mark.parametrize(
    ("role", "dense", "ids"),
    [
        (Numeric(column="fare"), ("fare_numeric", "fare_missing"), ()),
        (Bucketized(column="fare", buckets=20), (), ("fare_bucketized20",)),
        (Categorical(column="company"), (), ("company_categorical",)),
        (Hashed(column="tract"), (), ("tract_hashed",)),
        (Crossed(columns=("pickup", "dropoff")), (), ("pickup_x_dropoff",)),
        (Dates(column="start", parts=("hour", "month")), (), ("start_hour", "start_month")),
    ],
    ids=lambda value: getattr(value, "role", None),
)
def test_transformed_features_are_named_for_column_and_role(
    role: AnyRole, dense: tuple[str, ...], ids: tuple[str, ...]
) -> None:
    """The floats and the ids that a role makes carry the names of its columns and what was done to them."""
    assert (role.dense, role.ids) == (dense, ids)


def test_one_column_may_have_two_bucketings() -> None:
    """Two bucketings of a column that differ in their number of buckets make features of two names."""
    assert Bucketized(column="fare", buckets=5).ids != Bucketized(column="fare", buckets=50).ids


@pytest.mark.parametrize(
    ("role", "columns"),
    [(Numeric(column="fare"), ("fare",)), (Crossed(columns=("a", "b", "c")), ("a", "b", "c"))],
    ids=["one", "several"],
)
def test_a_role_names_the_raw_columns_it_reads(role: AnyRole, columns: tuple[str, ...]) -> None:
    """The raw columns of a role are those that the configuration gave it, in that order."""
    assert role.columns == columns


def test_the_roles_that_calculate_want_a_number() -> None:
    """Means, quantiles and dates need a number; the other roles take a column of any type."""
    assert {role.model_fields["role"].default for role in ROLES if role.wants == "number"} == {
        "numeric",
        "bucketized",
        "date",
    }


def test_every_date_part_has_its_number_of_values() -> None:
    """A year has 12 months, a month up to 31 days, a week 7 days and a day 24 hours."""
    assert DATE_PARTS == {"month": 12, "day": 31, "weekday": 7, "hour": 24}


@pytest.mark.parametrize(
    "given",
    [
        {"role": "numeric"},
        {"role": "numerik", "column": "fare"},
        {"column": "fare"},
        {"role": "bucketized", "column": "fare", "buckets": 1},
        {"role": "bucketized", "column": "fare", "buckets": 1001},
        {"role": "categorical", "column": "company", "min_count": 0},
        {"role": "categorical", "column": "company", "oov_buckets": 0},
        {"role": "hashed", "column": "tract", "buckets": 1},
        {"role": "crossed", "columns": ["pickup"]},
        {"role": "date", "column": "start", "parts": []},
        {"role": "date", "column": "start", "parts": ["year"]},
        {"role": "numeric", "column": "fare", "buckets": 3},
    ],
    ids=str,
)
def test_a_role_that_could_not_be_computed_is_refused(given: dict[str, object]) -> None:
    """A role without its column, of an unknown name, with a key it has not or a number out of range does not parse."""
    with pytest.raises(ValidationError):
        parse_roles([given])

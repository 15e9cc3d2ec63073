"""The one table of feature roles: what a column can be to the model.

The configuration names them, `preprocessing_fn` computes them, the model sizes its inputs by them, and the signatures
ask for the columns they read. Each role turns one or more raw columns into named transformed features of two kinds:
`dense` ones (float32, shape [batch]) and `ids` (int64, shape [batch], 0 for a missing value). The ids of an `ordered`
role grow with its column's value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from schema.names import identifier

DATE_PARTS = {"month": 12, "day": 31, "weekday": 7, "hour": 24}
DatePart = Literal["month", "day", "weekday", "hour"]
LABEL = "label"


class Role(BaseModel):
    """One column in one role."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    wants: ClassVar[str] = "any"
    ordered: ClassVar[bool] = False

    column: str = Field(min_length=1, description="the raw column that it reads")

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns it reads."""
        return (self.column,)

    @property
    def dense(self) -> tuple[str, ...]:
        """The names of the float features that it makes."""
        return ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of the integer features that it makes."""
        return ()


class Numeric(Role):
    """A number, as its z-score over the training split, beside an indicator of whether it is missing."""

    role: Literal["numeric"] = "numeric"
    wants: ClassVar[str] = "number"

    @property
    def dense(self) -> tuple[str, ...]:
        return f"{identifier(self.column)}_numeric", f"{identifier(self.column)}_missing"


class Bucketized(Role):
    """A number, as the index of its quantile among `buckets` of equal size in the training split."""

    role: Literal["bucketized"] = "bucketized"
    wants: ClassVar[str] = "number"
    ordered: ClassVar[bool] = True
    buckets: int = Field(10, ge=2, le=1000, description="how many quantiles")

    @property
    def ids(self) -> tuple[str, ...]:
        return (f"{identifier(self.column)}_bucketized{self.buckets}",)


class Categorical(Role):
    """A value, as its index in the vocabulary of the training split; unseen values share `oov_buckets` more."""

    role: Literal["categorical"] = "categorical"
    min_count: int = Field(1, ge=1, description="rarer values are treated as unseen")
    top_k: int | None = Field(None, ge=1, description="the size at which the vocabulary is cut; none by default")
    oov_buckets: int = Field(1, ge=1, description="ids that unseen values share, by their hash")

    @property
    def ids(self) -> tuple[str, ...]:
        return (f"{identifier(self.column)}_categorical",)


class Hashed(Role):
    """A value, as a hash modulo `buckets`: for vocabularies too large to keep."""

    role: Literal["hashed"] = "hashed"
    buckets: int = Field(1000, ge=2, description="how many ids values share, by their hash")

    @property
    def ids(self) -> tuple[str, ...]:
        return (f"{identifier(self.column)}_hashed",)


class Crossed(BaseModel):
    """Several columns as one value, hashed into `buckets`; numbers are first cut into `quantiles` of equal size."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    wants: ClassVar[str] = "any"
    ordered: ClassVar[bool] = False

    role: Literal["crossed"] = "crossed"
    columns: tuple[str, ...] = Field(min_length=2, description="the raw columns that it reads")
    buckets: int = Field(1000, ge=2, description="how many ids combinations share, by their hash")
    quantiles: int = Field(10, ge=2, le=1000, description="into how many quantiles a number is cut first")

    @property
    def dense(self) -> tuple[str, ...]:
        return ()

    @property
    def ids(self) -> tuple[str, ...]:
        return ("_x_".join(map(identifier, self.columns)),)


class Dates(Role):
    """A timestamp in seconds since 1970 (UTC), as parts of its date."""

    role: Literal["date"] = "date"
    wants: ClassVar[str] = "number"
    parts: tuple[DatePart, ...] = Field(
        ("month", "weekday", "hour"), min_length=1, description="each makes a feature of its own"
    )

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(f"{identifier(self.column)}_{part}" for part in self.parts)


ROLES = (Numeric, Bucketized, Categorical, Hashed, Crossed, Dates)
AnyRole = Annotated[
    Numeric | Bucketized | Categorical | Hashed | Crossed | Dates,
    Field(discriminator="role"),
]


def parse_roles(features: Iterable[Mapping[str, object]]) -> tuple[AnyRole, ...]:
    """Returns the roles that `dump_roles` wrote."""
    adapter: TypeAdapter[tuple[AnyRole, ...]] = TypeAdapter(tuple[AnyRole, ...])
    return adapter.validate_python(tuple(features))


def dump_roles(roles: Iterable[AnyRole]) -> list[dict[str, object]]:
    """Returns the roles as JSON-like values, to travel to the workers."""
    return [role.model_dump(mode="json") for role in roles]

"""`preprocessing_fn`, built from the feature roles: the graph that training and serving share.

A missing value is the id 0 of an id feature; present values count from 1. Of a dense feature it is the mean (0 after
scaling), beside an indicator. All numbers are analysed together, as one matrix: an analysis for each of them would cost
most of the step's time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from schema.expression import Expression
from schema.names import identifier
from schema.roles import (
    DATE_PARTS,
    LABEL,
    AnyRole,
    Bucketized,
    Categorical,
    Crossed,
    Dates,
    Hashed,
    Numeric,
    parse_roles,
)

Tensors = dict[str, tf.Tensor]
Inputs = Mapping[str, Any]
LABEL_VOCABULARY = "label_vocabulary"
QUANTILE_ERROR = 2e-4  # of a quantile's rank, at most; with it quantiles of some 100,000 rows are exact, and those of
# a table that is held in memory do not depend on Beam's batches, which follow the clock


def preprocessing_fn(inputs: Inputs, custom_config: Mapping[str, Any]) -> Tensors:
    """Returns the transformed features and the label, each of shape [batch].

    `inputs` holds one tensor for each raw column, dense or sparse, of shape [batch, at most 1]; `custom_config` the
    `features`, `label` and `problem` of the configuration.
    """
    by_kind: dict[type, list[AnyRole]] = defaultdict(list)
    for role in parse_roles(custom_config["features"]):
        by_kind[type(role)].append(role)
    outputs: Tensors = {}
    for kind, roles in by_kind.items():
        outputs |= ENCODERS[kind](roles, inputs)
    return outputs | {LABEL: label(Expression(custom_config["label"]), custom_config["problem"], inputs)}


def label(expression: Expression, problem: str, inputs: Inputs) -> tf.Tensor:
    """Returns the label of each row, shape [batch]: float32, or the int64 index of the class.

    Where a column that it needs is absent (at serving), it is NaN, or -1.
    """
    columns = {name: to_column(inputs[name]) for name in expression.columns}
    known = tf.reduce_all(tf.stack([is_present(column) for column in columns.values()]), axis=0)
    if problem == "multiclass":
        return _class_index(expression, columns, known)
    values = {name: _number_or_text(column) for name, column in columns.items()}
    return tf.where(known, tf.cast(expression.evaluate(values), tf.float32), float("nan"))


def to_column(tensor: Any) -> tf.SparseTensor:
    """Returns a raw input as a sparse tensor of shape [batch, 1], from which NaN and empty values are left out."""
    if not isinstance(tensor, tf.SparseTensor):
        tensor = tf.sparse.from_dense(tf.reshape(tensor, [-1, 1])) if tensor.dtype == tf.string else _all_of(tensor)
    shape = tf.stack([tensor.dense_shape[0], tf.constant(1, tf.int64)])
    column = tf.SparseTensor(tensor.indices, tensor.values, shape)
    if column.dtype.is_floating:
        return tf.sparse.retain(column, ~tf.math.is_nan(column.values))
    return tf.sparse.retain(column, column.values != "") if column.dtype == tf.string else column


def matrix(columns: Sequence[str], inputs: Inputs, dtype: tf.DType) -> tf.Tensor:
    """Returns raw inputs as one tensor, shape [batch, columns], NaN where a value is missing.

    All at once, for it is the number of its operations that a graph costs: when it is traced, loaded, and called.
    """
    given = [inputs[name] for name in columns]
    sparse = [index for index, one in enumerate(given) if isinstance(one, tf.SparseTensor)]
    dense = [index for index in range(len(given)) if index not in sparse]
    parts = []
    if sparse:
        parts.append(_dense_matrix([given[index] for index in sparse], dtype))
    if dense:
        parts.append(tf.stack([tf.cast(tf.reshape(given[index], [-1]), dtype) for index in dense], axis=1))
    if len(parts) == 1:
        return parts[0]
    return tf.gather(tf.concat(parts, axis=1), np.argsort([*sparse, *dense]), axis=1)


def is_present(column: tf.SparseTensor) -> tf.Tensor:
    """Returns whether each row has a value, shape [batch]."""
    ones = tf.SparseTensor(column.indices, tf.ones_like(column.values, tf.bool), column.dense_shape)
    return _densify(ones, tf.constant(value=False))


def encode_numeric(roles: Sequence[Numeric], inputs: Inputs) -> Tensors:
    """The z-score, 0 where the value is missing, and 1.0 where it is missing."""
    numbers = matrix([role.column for role in roles], inputs, tf.float64)  # whose moments do not depend on the batches
    missing = tf.math.is_nan(numbers)
    scaled = tf.where(missing, tf.zeros_like(numbers), tft.scale_to_z_score(numbers, elementwise=True))
    values, indicators = (tf.unstack(tf.cast(one, tf.float32), len(roles), axis=1) for one in (scaled, missing))
    outputs: Tensors = {}
    for role, *pair in zip(roles, values, indicators, strict=True):
        outputs |= zip(role.dense, pair, strict=True)
    return outputs


def encode_bucketized(roles: Sequence[Bucketized], inputs: Inputs) -> Tensors:
    """The index of the quantile, from 1; 0 where the value is missing."""
    by_buckets: dict[int, list[Bucketized]] = defaultdict(list)
    for role in roles:
        by_buckets[role.buckets].append(role)
    outputs: Tensors = {}
    for buckets, alike in by_buckets.items():
        ids = _quantile_index(matrix([role.column for role in alike], inputs, tf.float32), buckets)
        outputs |= {role.ids[0]: one for role, one in zip(alike, tf.unstack(ids, len(alike), axis=1), strict=True)}
    return outputs


def encode_categorical(role: Categorical, inputs: Inputs) -> Tensors:
    """The index in the vocabulary, most frequent first, from 1; then the out-of-vocabulary buckets; 0 where missing."""
    indices = tft.compute_and_apply_vocabulary(
        _keys(to_column(inputs[role.column])),
        top_k=role.top_k,
        frequency_threshold=role.min_count if role.min_count > 1 else None,
        num_oov_buckets=role.oov_buckets,
        vocab_filename=vocabulary_name(role),
    )
    return {role.ids[0]: _ids(indices)}


def encode_hashed(role: Hashed, inputs: Inputs) -> Tensors:
    """The value's hash modulo the buckets, from 1; 0 where it is missing."""
    column = _keys(to_column(inputs[role.column]))
    buckets = tf.strings.to_hash_bucket_fast(column.values, role.buckets)
    return {role.ids[0]: _ids(tf.SparseTensor(column.indices, buckets, column.dense_shape))}


def encode_crossed(role: Crossed, inputs: Inputs) -> Tensors:
    """The hash of the values together, from 1; a missing value is one more value."""
    columns = [to_column(inputs[name]) for name in role.columns]
    cut = [tft.bucketize(column, role.quantiles) if column.dtype.is_floating else column for column in columns]
    joined = tf.strings.join([_densify(_keys(column), "") for column in cut], separator="\x1f")
    return {role.ids[0]: tf.strings.to_hash_bucket_fast(joined, role.buckets) + 1}


def encode_date(role: Dates, inputs: Inputs) -> Tensors:
    """The parts of the UTC date, each from 1; 0 where the timestamp is missing."""
    column = to_column(inputs[role.column])
    seconds = tf.cast(column.values, tf.int64)
    return {
        name: _ids(tf.SparseTensor(column.indices, DATE_FORMULAS[part](seconds), column.dense_shape))
        for name, part in zip(role.ids, role.parts, strict=True)
    }


def month_and_day(seconds: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the month and the day of the month, each from 0, of seconds since 1970 (UTC).

    Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days: eras of 400 years that begin
    on the first of March.
    """
    day_of_era = (seconds // 86400 + 719468) % 146097
    leap_days = day_of_era // 1460 - day_of_era // 36524 + day_of_era // 146096
    year_of_era = (day_of_era - leap_days) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    return (month_from_march + 2) % 12, day_of_year - (153 * month_from_march + 2) // 5


def each(encode_one: Callable[[Any, Inputs], Tensors]) -> Callable[[Sequence[Any], Inputs], Tensors]:
    """Returns what encodes several roles one after the other."""

    def encode(roles: Sequence[Any], inputs: Inputs) -> Tensors:
        return {name: tensor for role in roles for name, tensor in encode_one(role, inputs).items()}

    return encode


DATE_FORMULAS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "month": lambda seconds: month_and_day(seconds)[0],
    "day": lambda seconds: month_and_day(seconds)[1],
    "weekday": lambda seconds: (seconds // 86400 + 3) % 7,
    "hour": lambda seconds: seconds // 3600 % 24,
}
ENCODERS: dict[type, Callable[[Sequence[Any], Inputs], Tensors]] = {
    Numeric: encode_numeric,
    Bucketized: encode_bucketized,
    Categorical: each(encode_categorical),
    Hashed: each(encode_hashed),
    Crossed: each(encode_crossed),
    Dates: each(encode_date),
}


def cardinalities(role: AnyRole, transform_output: tft.TFTransformOutput) -> tuple[int, ...]:
    """Returns, for each id feature of the role, how many ids it may have, the 0 of a missing value included."""
    match role:
        case Bucketized() | Hashed() | Crossed():
            return (role.buckets + 1,)
        case Categorical():
            vocabulary = transform_output.vocabulary_size_by_name(vocabulary_name(role))
            return (vocabulary + role.oov_buckets + 1,)
        case Dates():
            return tuple(DATE_PARTS[part] + 1 for part in role.parts)
        case _:
            return ()


def vocabulary_name(role: Categorical) -> str:
    """Returns the name of the role's vocabulary in the transform graph."""
    return f"{identifier(role.column)}_vocabulary"


def _class_index(expression: Expression, columns: Mapping[str, tf.SparseTensor], known: tf.Tensor) -> tf.Tensor:
    if expression.is_column:
        classes = _keys(columns[expression.columns[0]])
    else:
        values = {name: _number_or_text(column) for name, column in columns.items()}
        rows = tf.cast(tf.where(known), tf.int64)
        text = tf.strings.as_string(tf.cast(tf.boolean_mask(expression.evaluate(values), known), tf.int64))
        shape = tf.stack([tf.size(known, tf.int64), tf.constant(1, tf.int64)])
        classes = tf.SparseTensor(tf.pad(rows, [[0, 0], [0, 1]]), text, shape)
    return _densify(tft.compute_and_apply_vocabulary(classes, vocab_filename=LABEL_VOCABULARY), -1)


def _dense_matrix(columns: Sequence[tf.SparseTensor], dtype: tf.DType) -> tf.Tensor:
    """Sparse columns, each of shape [batch, at most 1], side by side; a second value in a row is out of bounds."""
    count = len(columns)
    number = tf.repeat(tf.range(count, dtype=tf.int64), tf.stack([tf.size(one.values) for one in columns]))
    row, second = tf.unstack(tf.concat([one.indices for one in columns], axis=0), 2, axis=1)
    values = tf.concat([tf.cast(one.values, dtype) for one in columns], axis=0)
    places = tf.stack([row, number + count * second], axis=1)
    joined = tf.SparseTensor(places, values, tf.stack([columns[0].dense_shape[0], count]))
    return tf.sparse.to_dense(joined, tf.constant(float("nan"), dtype), validate_indices=False)  # they are in no order


def _quantile_index(numbers: tf.Tensor, buckets: int) -> tf.Tensor:
    """The index of each number among the quantiles of its column, from 1; 0 for NaN; shape as `numbers`."""
    boundaries = tft.quantiles(numbers, buckets, min(1 / buckets, QUANTILE_ERROR), reduce_instance_dims=False)
    index = tf.searchsorted(boundaries, tf.transpose(numbers), side="right", out_type=tf.int64)
    return tf.where(tf.math.is_nan(numbers), tf.constant(0, tf.int64), tf.transpose(index) + 1)


def _all_of(tensor: tf.Tensor) -> tf.SparseTensor:
    values = tf.reshape(tensor, [-1])
    rows = tf.range(tf.size(values, tf.int64), dtype=tf.int64)
    shape = tf.stack([tf.size(values, tf.int64), tf.constant(1, tf.int64)])
    return tf.SparseTensor(tf.stack([rows, tf.zeros_like(rows)], axis=1), values, shape)


def _densify(column: tf.SparseTensor, default: Any) -> tf.Tensor:
    return tf.reshape(tf.sparse.to_dense(column, default), [-1])


def _ids(column: tf.SparseTensor) -> tf.Tensor:
    from_one = tf.SparseTensor(column.indices, tf.cast(column.values, tf.int64) + 1, column.dense_shape)
    return _densify(from_one, tf.constant(0, tf.int64))


def _as(column: tf.SparseTensor, dtype: tf.DType) -> tf.SparseTensor:
    return tf.SparseTensor(column.indices, tf.cast(column.values, dtype), column.dense_shape)


def _keys(column: tf.SparseTensor) -> tf.SparseTensor:
    """The column with its values as strings, as vocabularies and hashes want them."""
    if column.dtype == tf.string:
        return column
    return tf.SparseTensor(column.indices, tf.strings.as_string(column.values), column.dense_shape)


def _number_or_text(column: tf.SparseTensor) -> tf.Tensor:
    return _densify(column, "") if column.dtype == tf.string else _densify(_as(column, tf.float32), float("nan"))

"""Preprocessing functions: of analyzers that are walked, and of such that are left to TFT."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform as tft

Inputs = Mapping[str, Any]
Function = Callable[[Inputs], dict[str, Any]]


def numbers(inputs: Inputs) -> dict[str, Any]:
    """Combiners, of dense, sparse and missing numbers."""
    pair = tf.stack([inputs["dense"], tf.cast(inputs["id"], tf.float32)], axis=1)
    return {
        "z": tft.scale_to_z_score(inputs["dense"]),
        "unit": tft.scale_to_0_1(inputs["sparse"]),
        "spread": inputs["dense"] - tft.min(inputs["dense"]) + tft.max(inputs["dense"]) * tft.mean(inputs["dense"]),
        "sum": tf.zeros_like(inputs["id"]) + tft.sum(inputs["id"]) + tft.size(inputs["sparse"]),
        "bucket": tft.bucketize(inputs["sparse"], 4),
        "nan": tft.scale_to_z_score(inputs["nan"]),
        "blank": tft.scale_to_z_score(inputs["blank"]),
        "main": tf.matmul(pair, tft.pca(pair, 2, tf.float32)),
        "gauss": tft.scale_to_gaussian(inputs["dense"]),
    }


def vocabularies(inputs: Inputs) -> dict[str, Any]:
    """Vocabularies of texts and of integers, with each way to choose, to order and to write them."""
    words, outputs = inputs["word"], {"id": inputs["id"]}
    tft.vocabulary(words, vocab_filename="with_counts", store_frequency=True)
    tft.vocabulary(words, vocab_filename="shuffled", fingerprint_shuffle=True)
    tft.vocabulary(words, vocab_filename="shuffled_top", fingerprint_shuffle=True, top_k=3)
    tft.vocabulary(inputs["id"], vocab_filename="numbers", store_frequency=True, frequency_threshold=2)
    tft.vocabulary(inputs["id"], vocab_filename="top_numbers", top_k=4)
    outputs["word"] = tft.compute_and_apply_vocabulary(words, vocab_filename="words")
    outputs["top"] = tft.compute_and_apply_vocabulary(words, top_k=2, num_oov_buckets=1)
    outputs["often"] = tft.compute_and_apply_vocabulary(words, frequency_threshold=4)
    outputs["none"] = tft.compute_and_apply_vocabulary(words, frequency_threshold=1000, store_frequency=True)
    outputs["no_top"] = tft.compute_and_apply_vocabulary(words, frequency_threshold=1000, top_k=3)
    outputs["void"] = tft.compute_and_apply_vocabulary(inputs["void"])
    return outputs


def phases(inputs: Inputs) -> dict[str, Any]:
    """Analyzers of what depends on the results of others."""
    bucket = tft.bucketize(inputs["dense"], 5)
    scaled = tft.scale_to_z_score(inputs["dense"])
    return {
        "of_buckets": tft.scale_to_z_score(tf.cast(bucket, tf.float32)),
        "words": tft.compute_and_apply_vocabulary(tf.strings.as_string(bucket), vocab_filename="buckets"),
        "third": tft.scale_to_0_1(scaled * tft.max(scaled)),
        "word": tft.compute_and_apply_vocabulary(inputs["word"]),
    }


def mixed(inputs: Inputs) -> dict[str, Any]:
    """A vocabulary and moments."""
    return {
        "word": tft.compute_and_apply_vocabulary(inputs["word"], vocab_filename="words"),
        "z": tft.scale_to_z_score(inputs["sparse"]),
    }


def nothing(inputs: Inputs) -> dict[str, Any]:
    """No analyzer."""
    return {"twice": inputs["dense"] * 2.0}


def weights(inputs: Inputs) -> dict[str, Any]:
    """A vocabulary by weights."""
    words = tf.sparse.to_dense(inputs["word"], "none")[:, 0]
    return {"word": tft.compute_and_apply_vocabulary(words, weights=inputs["dense"], vocab_filename="weighed")}


def labels(inputs: Inputs) -> dict[str, Any]:
    """A vocabulary by what it says of a label."""
    words = tf.sparse.to_dense(inputs["word"], "none")[:, 0]
    return {"word": tft.compute_and_apply_vocabulary(words, labels=inputs["id"] % 2)}


def coverage(inputs: Inputs) -> dict[str, Any]:
    """A vocabulary with some tokens of each key."""
    return {
        "word": tft.compute_and_apply_vocabulary(
            inputs["word"], top_k=1, coverage_top_k=1, key_fn=lambda word: word[:1]
        )
    }


def reserved(inputs: Inputs) -> dict[str, Any]:
    """A vocabulary that begins with tokens of one's own."""
    return {"word": tft.compute_and_apply_vocabulary(inputs["word"], reserved_tokens=["[PAD]"])}


def compressed(inputs: Inputs) -> dict[str, Any]:
    """A vocabulary in a TFRecord."""
    return {"word": tft.compute_and_apply_vocabulary(inputs["word"], file_format="tfrecord_gzip")}


def approximate(inputs: Inputs) -> dict[str, Any]:
    """A vocabulary that a sketch finds."""
    path = tft.experimental.approximate_vocabulary(inputs["word"], top_k=3)
    return {"word": tft.apply_vocabulary(inputs["word"], path)}


def per_key(inputs: Inputs) -> dict[str, Any]:
    """Moments of each key."""
    return {"z": tft.scale_to_z_score_per_key(inputs["dense"], key=tf.strings.as_string(inputs["id"]))}


def transform(inputs: Inputs) -> dict[str, Any]:
    """A Beam transform as an analyzer."""
    (total,) = tft.experimental.ptransform_analyzer([inputs["id"]], Total(), [tf.int64], [[]])
    return {"total": inputs["id"] + total}


def table(inputs: Inputs) -> dict[str, Any]:
    """An analyzer of what a table gives."""
    index = tft.compute_and_apply_vocabulary(inputs["word"], vocab_filename="index")
    return {"z": tft.scale_to_z_score(tf.cast(tf.sparse.to_dense(index)[:, 0], tf.float32))}


class Total(beam.PTransform):
    """The sum of batches."""

    base_temp_dir: str | None = None

    def expand(self, batches: Any) -> Any:
        """Returns it."""
        return batches | beam.Map(lambda batch: batch[0].sum()) | beam.CombineGlobally(sum)


WALKED = (numbers, vocabularies, phases, nothing)
LEFT = (weights, labels, coverage, reserved, compressed, approximate, per_key, transform, table)

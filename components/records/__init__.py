"""Serialised tf.Examples, a column at a time: encoded from Arrow, framed as TFRecords, written as shards."""

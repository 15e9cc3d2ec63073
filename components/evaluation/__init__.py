"""TFMA's metrics by slice, computed on columns of many rows where TFMA computes them row by row."""

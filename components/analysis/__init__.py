"""TFT's analysis with one Beam pass a phase: its analyzers and its graph, without a Beam transform for each node."""

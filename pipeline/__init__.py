"""The wiring, what the driver runs: configuration, DAG, sources, evaluation, runners, command line."""

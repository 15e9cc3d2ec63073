"""Runs a compiled pipeline spec on this machine, step by step, as its backend would: `penstock run --spec`."""

"""Programs that measure, and compare with a peer in the same run."""

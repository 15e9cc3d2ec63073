"""penstock-metadata-server: MLMD's gRPC service, which its wheel has a client of and no server."""

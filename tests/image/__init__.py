"""The container image: its Dockerfile read, and run in a Debian root where there is no Docker."""

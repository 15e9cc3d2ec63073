"""Requests of many clients, run by a model as one batch."""

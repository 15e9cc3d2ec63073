"""Answers from what was pushed."""

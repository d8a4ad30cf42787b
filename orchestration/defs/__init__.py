"""Dagster's side, and only that: each module is thin, and computes with the rooms below it."""

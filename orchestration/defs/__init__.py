"""Dagster definitions and nothing else: each module is thin and computes with the packages below it."""

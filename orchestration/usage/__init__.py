"""A user's own usage: logs of calls in the formats that gateways and tracing tools export.

Nothing in here reads a release or prices a call; that is dbt's work, in models/own.
"""

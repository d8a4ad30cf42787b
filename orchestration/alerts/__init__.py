"""Alerts: new models, price changes, anomalies and failures, sent once to each configured channel.

    events       the fields of an alert, and the alerts of a release
    channels     where alerts go: a webhook, a file, the log
    deliveries   which alerts were sent to which channel, in <data>/deliveries.sqlite

Failed runs and checks become alerts in `defs`, which reads Dagster's history.
"""

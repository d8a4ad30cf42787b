"""What a release contains and must pass: tables, report, data package, citations, claim history, audit, freshness."""

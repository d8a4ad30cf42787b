"""Read a published release: its status, tables, claims, and the raw files behind a row. Nothing here writes."""

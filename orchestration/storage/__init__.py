"""What the pipeline keeps on disk: lake, ledger, warehouse, releases, and moving them from older layouts."""

"""From a source to the lake: what is due, fetching it, and loading each response. Nothing here reads marts."""

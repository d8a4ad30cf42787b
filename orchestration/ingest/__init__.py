"""From a source to the lake: what is due, fetching or reading it, and loading each response. Nothing here reads marts."""

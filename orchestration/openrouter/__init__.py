"""OpenRouter as a source system: what it can be asked, and what its answers hold. Knows no Dagster and no lake."""

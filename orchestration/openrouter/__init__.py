"""OpenRouter as a source system: what can be fetched and what it returns. Knows neither Dagster nor the lake."""

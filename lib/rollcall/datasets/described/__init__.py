"""Data that Rollcall does not know: described by their owner in a cohort.toml."""

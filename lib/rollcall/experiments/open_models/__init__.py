"""Models that somebody gave away, attacked with a few references that never saw the patients."""

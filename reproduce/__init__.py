"""Measures what README and docs show; `make results` runs it."""

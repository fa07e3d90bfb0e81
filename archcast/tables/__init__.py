"""Measured results: the table format, converters from public benchmarks, the embedded benchmark."""

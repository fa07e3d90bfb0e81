"""What an architecture is: its decisions, text form, canonical form and graph."""

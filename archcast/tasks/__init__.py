"""What networks learn."""

"""What a command answers."""

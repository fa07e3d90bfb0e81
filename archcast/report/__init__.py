"""Records and rows for people to look at."""

"""What every room uses: errors, names, text, files, workers."""

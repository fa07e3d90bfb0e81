"""Strategies of architecture search, with and without a predictor, and what they are worth."""

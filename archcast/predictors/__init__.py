"""Every performance predictor behind one `fit`/`query` interface, as `base` describes it."""

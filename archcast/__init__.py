"""Which performance predictor to use for neural architecture search, given your budgets."""

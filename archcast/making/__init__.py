"""Training: one network, a whole table, a supernet."""

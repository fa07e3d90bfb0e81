"""An architecture as a torch module, and the trainer."""

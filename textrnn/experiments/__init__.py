"""A run, a comparison, a learning curve, a search: for the command line and scripts alike."""

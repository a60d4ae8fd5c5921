"""Learning rules: from a network and some texts to a gradient."""

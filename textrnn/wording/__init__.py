"""How things are said: messages of pieces, and what others wrote, quoted."""

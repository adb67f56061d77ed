"""What an audit costs: the same patients named with fewer target models."""

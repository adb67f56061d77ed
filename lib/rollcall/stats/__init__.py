"""Arrays in, arrays out: membership, metrics of scores, moments over targets."""

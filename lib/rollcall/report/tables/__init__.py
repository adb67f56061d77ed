"""Tables beside the figures: each function makes one, as people read it, with its caption."""

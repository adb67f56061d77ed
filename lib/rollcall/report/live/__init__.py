"""What notebooks show while runs are under way: which there are, how far one is, and what it says.

Pure functions from what was read to HTML.
"""

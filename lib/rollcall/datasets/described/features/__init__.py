"""Columns of a table: what each is, what is made of it, and what its owner should look at."""

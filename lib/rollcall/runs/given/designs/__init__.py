"""Designs of training sets, and tables that hold scores and members of them."""

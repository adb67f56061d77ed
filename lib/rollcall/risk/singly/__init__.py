"""What is else where targets come one by one, not in complementary pairs."""

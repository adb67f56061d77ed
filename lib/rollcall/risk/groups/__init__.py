"""Who is more exposed than whom: the groups of patients compared."""

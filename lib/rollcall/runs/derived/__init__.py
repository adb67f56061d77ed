"""What audits make of a run: its parts, what each was made from, and tables that are read back."""

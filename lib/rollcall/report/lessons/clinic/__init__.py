"""The clinic of the lessons: its patients, models trained on halves of them, and counts."""

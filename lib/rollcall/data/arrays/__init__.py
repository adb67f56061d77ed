"""What somebody has in memory, as the fields of a cohort: `rollcall.data.cohort.Cohort.of`."""

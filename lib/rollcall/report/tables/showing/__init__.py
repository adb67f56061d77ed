"""How a table reaches a notebook and the report: no wider than a sheet, no longer than is read.

A long table shows the rows that differ most; a wide one the columns that matter, and the others in
tables of their own, each with the names of the rows. What is folded away opens without a script,
and is printed whole: paper cannot be unfolded, and who signs it signs all of it.
"""

from rollcall.report.tables.showing.markup import show_table
from rollcall.report.tables.showing.reading import read_tables
from rollcall.report.tables.showing.table import Table

__all__ = ["Table", "read_tables", "show_table"]

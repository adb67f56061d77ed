"""The report of an audit: figures, tables, sentences, the notebooks that show them, the page."""

"""Who trains: worker processes of this machine, or workers of a Dask cluster."""

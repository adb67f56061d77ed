"""The published scores, attacks, statistics and numbers of Knolle et al. (2026), beside ours."""

"""In-context sparse attention: statistics of tiles, a choice, and four ways to compute what was chosen."""

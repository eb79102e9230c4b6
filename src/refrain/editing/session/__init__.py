"""A session: one source, edited turn after turn, as a folder that survives whatever happens to the program."""

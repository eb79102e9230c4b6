"""The web page on which people edit: rooms, a queue of jobs, and a face over sessions and an editor."""

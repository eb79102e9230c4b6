"""The exam of rendered sessions, and its exact judge."""

"""The room of data: rendered scenes, exact effects on them, and the words that ask for them."""

"""The command `refrain`. `main` only adds verbs; a verb is a file, and what it needs it imports when it runs."""

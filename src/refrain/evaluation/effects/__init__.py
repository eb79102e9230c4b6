"""The exam of rendered effects, whose true answers are known, and the classifier that judges it."""

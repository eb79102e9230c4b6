"""The room of evaluation: what is asked of a model, and how its answers are judged."""

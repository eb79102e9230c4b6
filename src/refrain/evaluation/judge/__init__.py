"""A judge: a model behind a chat-completions endpoint that looks at frames and scores an edit by a written rubric.

It is never the only gate: it drifts, it can be talked to, and it ranks better than it measures.
"""

from .judge import Judge, Settings
from .scorers import judge_scorers
from .transcript import Transcript
from .wire import Endpoint, key_in

__all__ = ["Endpoint", "Judge", "Settings", "Transcript", "judge_scorers", "key_in"]

"""What a run is told as: tables, totals as published, verdicts, and others' figures beside ours."""

"""The Prefect flows: in what order passes run, how they are shown and stopped; no rule, no SQL."""

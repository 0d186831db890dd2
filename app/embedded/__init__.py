"""The Prefect server in a process of its own: started, reached, given its settings, ended."""

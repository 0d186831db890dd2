"""What each file of a workspace may say, as frozen models."""

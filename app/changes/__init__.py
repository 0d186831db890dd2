"""What an edit of the workspace will do, is done, and is taken back."""

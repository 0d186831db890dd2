"""From the files of a folder to models, or to problems with their places."""

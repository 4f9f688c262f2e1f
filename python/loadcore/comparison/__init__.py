"""Two sets of runs side by side: which runs they are, what is compared, and what that comes to."""

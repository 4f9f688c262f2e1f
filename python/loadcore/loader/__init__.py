"""Reading a scenario file, and running what it holds of the user's code."""

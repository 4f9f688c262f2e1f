"""How close loadcore comes to Locust: its own test suite, and other people's files."""

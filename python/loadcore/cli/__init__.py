"""The command line: one command a file, each of which parses, calls the library and gives back an exit code."""

"""A run as CI systems read it."""

"""Users in Python: what an `async def` that is used as a step is given, and what it gives back."""

"""Values and mistakes in words: quantities as people write them, and the ends of messages."""

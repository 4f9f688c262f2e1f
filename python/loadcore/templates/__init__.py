"""Files that `loadcore init` writes."""

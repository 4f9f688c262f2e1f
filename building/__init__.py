"""How loadcore is built: the environment of a clone, packages, the documentation's site."""

"""What this machine costs per request: a plan of the same shape against a target that costs next to nothing."""

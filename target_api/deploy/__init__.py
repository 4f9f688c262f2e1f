"""The scaled-out gateway: its topology once, as containers and as processes on loopback."""

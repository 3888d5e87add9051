"""Streams in Redis, for service processes that share them; needs the extra `redis`."""

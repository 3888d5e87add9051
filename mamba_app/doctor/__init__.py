"""`mamba-server doctor`: what is wrong with the settings, or between a page and a running server."""

"""The real npm clients of the AI SDK, run against a server."""

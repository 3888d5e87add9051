"""The tests of Mamba Server."""

"""What an operator can set: the models that judge it, the layers that it comes from, and how it is shown."""

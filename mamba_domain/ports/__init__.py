"""What the domain needs from outside, one Protocol a file."""

"""What the classifier learns from labelled messages, and how good it is on them."""

"""A small convolutional network for handwritten digits whose layers may have bit widths of their own."""

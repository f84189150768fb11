"""TinyYOLOv3 of reduced width, an object detector with two heads."""

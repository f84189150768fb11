"""MobileNetV1 of a quarter of its width, which tells whether there is a person in a picture."""

"""TFC, a tiny fully connected network for the digits of MNIST."""

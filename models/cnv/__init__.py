"""CNV, the convolutional network of BNN-PYNQ, for the pictures of CIFAR-10."""

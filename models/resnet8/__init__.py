"""ResNet-8, the image classifier of MLPerf Tiny."""

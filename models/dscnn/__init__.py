"""DS-CNN, the keyword spotter of MLPerf Tiny."""

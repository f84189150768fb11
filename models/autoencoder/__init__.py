"""The autoencoder of MLPerf Tiny, which finds anomalies in the sound of machines."""

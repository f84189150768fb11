"""What the network definitions share: quantizers, generated frames, calibration."""

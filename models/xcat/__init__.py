"""XCAT-style super-resolution networks for colour photographs: unequal groups, concatenated crosswise."""

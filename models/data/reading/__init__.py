"""What the data sets share: where files come from and how they are checked, archives, and sounds."""

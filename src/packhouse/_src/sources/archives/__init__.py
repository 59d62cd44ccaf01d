"""Archives as data sets: zip and tar, compressed or not."""

"""`packhouse.check`: what makes a data set misleading - leaks, duplicates, labels that contradict."""

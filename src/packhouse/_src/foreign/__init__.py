"""Third-party HDF5 files: the walk in a process of its own, recognition, the index."""

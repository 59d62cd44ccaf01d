"""Reading images.h5 and its index, without the HDF5 library."""

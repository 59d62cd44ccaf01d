"""Writing images.h5: skeleton, images, journal, resuming."""

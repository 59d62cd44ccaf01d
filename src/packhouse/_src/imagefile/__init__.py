"""images.h5 and image_index.parquet: layout, skeleton, filling, index, reading."""

"""images.h5 and image_index.parquet: layout, skeleton, writing, index, reading."""

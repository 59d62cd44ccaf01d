"""A second, smaller store of a pack's images, for those who train on small pictures of huge originals."""

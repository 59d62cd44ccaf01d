"""Which table describes the images, and the columns that say so."""

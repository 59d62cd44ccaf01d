"""Where images and tables lie: yields names, sizes and bytes, and never decodes."""

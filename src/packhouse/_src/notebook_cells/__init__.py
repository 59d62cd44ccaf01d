"""What notebooks show of our objects: small HTML without scripts, made of escaped text and pictures."""

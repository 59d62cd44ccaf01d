"""Which sample comes at which position: each once, or drawn by class or by weight; nothing is stored."""

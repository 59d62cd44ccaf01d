"""Which sample comes when, on which rank: arithmetic, without files or clocks."""

"""How numbers, lists and names are put into words for people."""

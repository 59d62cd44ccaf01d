"""The main job: a data set folder in, a pack and a report out."""

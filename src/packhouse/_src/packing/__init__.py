"""The main job: a data set in, a pack and a report out."""

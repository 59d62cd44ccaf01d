"""`packhouse.sample`: a made-up fashion data set, to try everything without a download."""

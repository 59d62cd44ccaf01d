"""A made-up data set in the shape of a fashion retailer's, to try everything without a download."""

from packhouse._src.synthetic.sample_files import SampleSummary, write_sample

__all__ = ["SampleSummary", "write_sample"]

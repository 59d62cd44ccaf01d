"""Where work runs: for now, threads of this process."""

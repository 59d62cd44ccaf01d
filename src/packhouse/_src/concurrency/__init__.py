"""Where work runs: threads of this process, or processes of this machine."""

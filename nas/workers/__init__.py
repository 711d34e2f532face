"""Who evaluates: this process, a pool of processes, Ray Tune."""

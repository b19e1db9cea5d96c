"""The parts of `bench_launch.py`."""

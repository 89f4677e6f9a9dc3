"""Side-by-side timings with peers; never imported by the library."""

"""What experiments share; none of it knows any of them.

* `catalogue`: which experiments there are, found by looking.
* `settings`: a `Config` and its command line, and the checks of its fields.
* `runner`: runs one and writes `config.json` and `metrics.json`; `report` tells the progress.
* `files`: strict JSON and pictures, all of a file or nothing.
* `seeds`: means and spreads over seeds of numbers in nested dictionaries.
* `maps`: maps that need no training, with the methods of an aligner.
* `style`: colours, grids and ellipses that pictures have in common.
"""

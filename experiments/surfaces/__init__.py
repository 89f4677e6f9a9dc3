"""Points of one closed surface moved onto another: what happens to neighbourhoods."""

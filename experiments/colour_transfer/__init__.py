"""The colours of one photograph given to another, and back by the same map's inverse."""

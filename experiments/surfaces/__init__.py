"""Points of one closed surface moved onto another: what happens to neighbourhoods.

A bumpy sphere becomes a bean, by LRMF and by others that know nothing of the surfaces' parameters
either. Parameters serve to colour, and for one reference: the map through equal parameters, an
exact alignment. Every number but `training` is on fresh samples.
"""

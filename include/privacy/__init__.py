"""Personal data: how long each place keeps them, and the retention that a clean-up applies.

==============  =====================================================================
``retention``   every folder of the lake and every topic: what is in it, for how long, who deletes it
``leftovers``   what of the lake is deleted by age alone: reports, back-tests, notices, models nobody decided with
==============  =====================================================================
"""

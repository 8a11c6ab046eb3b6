"""Personal data: how long each place keeps them, pseudonyms, and what becomes of a request to be erased.

===================  =====================================================================
``retention``        every folder of the lake and every topic: what is in it, for how long, who deletes it
``leftovers``        what of the lake is deleted by age alone: reports, back-tests, notices, models nobody decided with
``logs``             old log files of Airflow
``pseudonymising``   tokens in the place of identifiers, before a record is sent
``lookup``           which identifier a token stands for, sealed
``settings``         both, as the settings want them
``erasure``          a request: who is meant, which tokens, how far it has come
``rewriting``        files of the lake with tokens
``erasing``          carries a request out; ``erasure_report`` says what became of it
===================  =====================================================================
"""

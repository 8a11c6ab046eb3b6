"""What is told of a run or a period: checks, charts and pages, reports, case files, lists.

===================  ==============================================================================
``checks``           a value, what it must be, what it aims at, and whether that holds
``charts``           curves in a box, as numbers and pixels; ``bars`` the same of bars
``pages``            charts as SVG and pages of HTML, one look for all of them
``table``            checks and counts as tables on a terminal
``demo``             the record behind ``reports/demo.json``
``periods``          days and months
``figures``          the figures of a report; ``spread`` durations that add up
``archive``          where reports stand
``layout``           what a document shows, before it is a page or a PDF
``report_layout``    that of a report (``report_evidence`` its latter part)
``report_page``      a report as HTML; ``report_pdf`` as PDF; ``summary`` as a mail
``pdf``              any layout as PDF; ``pdf_text`` text that its fonts can show
``case_file``        all that is known of a case, with a digest; ``case_pdf`` for people
``csv_export``       lists as CSV that a spreadsheet does not run
===================  ==============================================================================
"""

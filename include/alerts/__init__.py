"""Alerts: what an alert is, who is told, and how it reaches them exactly once.

===================  ==================================================================================
``alert``            the alert: one suspicious transaction with its evidence
``from_scored``      alerts out of a scored batch
``routing``          from an alert to its deliveries; ``routing_file`` reads and checks ``routing.yaml``,
                     ``routing_groups`` its groups, ``yaml_lines`` knows the lines
``contacts``         where staff and customers can be reached; ``customer_file`` reads customers
``quiet_hours``      hours of the day, and when they end
``delivery``         one alert on its way to one recipient
``outbox``           enqueues and sends deliveries; says what a crash at each point does
``sending``          one sender of a run
``storm``            what is told in a digest instead, and what a crash does to it
``limits``           messages a minute to one recipient, and a second on one channel
``backoff``          when a failed delivery is tried again
``rendering``        writes the messages from ``templates/``; ``wording`` puts codes and numbers in words
``message``          what a channel is handed
``masking``          account numbers as they may be shown
``channels``         the vendors: SMTP, SendGrid
``errors``           what can go wrong
===================  ==================================================================================
"""

"""Channels: how a message leaves the house.

==================  ===================================================================================
``base``            what a channel is
``smtp``            e-mail through any mail server; ``mime`` writes the mail
``sendgrid``        e-mail over SendGrid's v3 API
``twilio``          SMS over Twilio's Messages API
``slack``           Slack, by ``chat.postMessage``
``webhook``         a system of the bank's, signed as the Standard Webhooks specification has it
``http_failures``   what a failed HTTP call says of a message; shared by those that speak HTTP
==================  ===================================================================================
"""

"""Channels: how a message leaves the house.

``base`` says what a channel is, ``smtp`` speaks to any mail server, ``sendgrid`` to SendGrid's v3 API.
"""

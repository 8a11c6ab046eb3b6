"""Hours of the day on somebody's clock: until when a message has to wait for them to end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class WallHours:
    """From one time on the wall until another, which is not part of it; they may span midnight.

    Parameters
    ----------
    begin, until
        Whole minutes, not the same.
    """

    begin: time
    until: time

    def hold_at(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Whether a clock in ``zone`` shows a time within the hours at ``moment``."""
        wall = moment.astimezone(zone).time()
        if self.begin < self.until:
            return self.begin <= wall < self.until
        return wall >= self.begin or wall < self.until

    def end(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """When a clock in ``zone`` next shows ``until``, in UTC; ``moment`` itself if it is outside the hours.

        Where clocks are put forward over ``until``, that is the moment they are; where they are put back
        over it, the first time it comes after ``moment``.
        """
        if not self.hold_at(moment, zone):
            return moment.astimezone(UTC)
        local = moment.astimezone(zone)
        tomorrow = self.begin > self.until and local.time() >= self.begin
        day = local.date() + timedelta(days=1 if tomorrow else 0)
        both = (datetime.combine(day, self.until, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        end = min(end for end in both if end > moment)
        # A time that is skipped is read as if clocks had not been changed yet: up to an hour too late.
        while end - _MINUTE > moment and not self.hold_at(end - _MINUTE, zone):
            end -= _MINUTE
        return end

"""Reads a calendar from standard input with PyPI's icalendar and writes what it found as JSON.

Run by `make test-calendar`.
"""

import datetime
import json
import sys

import icalendar


def text(raw):
    """The library keeps properties whose type it does not know as they are written. Both names are TEXT (RFC 7986, 5.1;
    RFC 5545, 3.8.8.2), so they are decoded as one that it knows."""
    return str(icalendar.Event.from_ical(f"BEGIN:VEVENT\r\nSUMMARY:{raw}\r\nEND:VEVENT\r\n")["SUMMARY"])


calendar = icalendar.Calendar.from_ical(sys.stdin.buffer.read())
events = []
for event in calendar.walk("VEVENT"):
    start, end = event["DTSTART"].dt, event["DTEND"].dt
    whole_days = not isinstance(start, datetime.datetime)
    events.append(
        {
            "uid": str(event["UID"]),
            "summary": str(event["SUMMARY"]),
            "location": str(event.get("LOCATION", "")),
            "whole_days": whole_days,
            "start": start.isoformat() if whole_days else int(start.timestamp()),
            "end": end.isoformat() if whole_days else int(end.timestamp()),
            "stamp": int(event["DTSTAMP"].dt.timestamp()),
            "errors": [str(error) for error in event.errors],
        }
    )
zones = []
for zone in calendar.walk("VTIMEZONE"):
    offset = datetime.datetime(2026, 6, 1, tzinfo=zone.to_tz(lookup_tzid=False)).utcoffset()
    errors = [str(error) for part in (zone, *zone.subcomponents) for error in part.errors]
    zones.append({"id": str(zone["TZID"]), "offset": offset.total_seconds(), "errors": errors})
json.dump(
    {
        "names": [text(str(calendar[name])) for name in ("NAME", "X-WR-CALNAME")],
        "product": str(calendar["PRODID"]),
        "refresh": calendar["REFRESH-INTERVAL"].dt.total_seconds(),
        "method": str(calendar.get("METHOD", "")),
        "errors": [str(error) for error in calendar.errors],
        "events": events,
        "zones": zones,
        "components": sorted({component.name for component in calendar.subcomponents}),
    },
    sys.stdout,
)

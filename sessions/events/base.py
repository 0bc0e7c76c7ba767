"""The base of every event."""

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """Something that happened in a session. Frozen; times come from the record around it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

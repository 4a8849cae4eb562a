"""The ``gpus`` input, in the spelling of ``docker run --gpus``: ``all``, ``2``, ``device=0,1``."""

from __future__ import annotations

from typing import Any

from engine.provider import ProviderError


def gpu_requests(text: str) -> list[dict[str, Any]]:
    """Turn the input into device requests. Raises ProviderError for words that Docker does not know."""
    request: dict[str, Any] = {"Driver": "", "Count": 0, "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": {}}
    counted = False
    for part in text.strip().strip("\"'").strip().split(","):
        key, equals, value = part.partition("=")
        if not equals and request["DeviceIDs"]:
            request["DeviceIDs"].append(key)  # device=0,1 without inner quotes
        elif not equals or key == "count":
            request["Count"], counted = _count(value if equals else key), True
        elif key == "device":
            request["DeviceIDs"] = value.split(",")
        elif key == "driver":
            request["Driver"] = value
        elif key == "capabilities":
            request["Capabilities"] = [[*value.split(","), "gpu"]]
        else:
            raise ProviderError(f"Container input 'gpus' knows count, device, driver and capabilities, not {key!r}")
    if not counted and request["DeviceIDs"] is None:
        request["Count"] = 1
    return [request]


def gpus_text(requests: list[dict[str, Any]]) -> str | None:
    """Write device requests as the input again; None if they can't be written so."""
    if not requests:
        return ""
    if len(requests) != 1:
        return None
    request = requests[0]
    if request.get("DeviceIDs"):
        return "device=" + ",".join(request["DeviceIDs"])
    names = {name.lower() for group in request.get("Capabilities") or [] for name in group}
    return "all" if request.get("Count") == -1 and "gpu" in names else None


def _count(text: str) -> int:
    if text == "all":
        return -1
    if not text.isdigit():
        raise ProviderError("Container input 'gpus' must be all, a number, or key=value pairs such as device=0")
    return int(text)

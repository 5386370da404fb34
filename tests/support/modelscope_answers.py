"""The hub of the tests in ModelScope's language: accounts, search, files.  Same repositories."""

import json
import re
from typing import TYPE_CHECKING, Any

from .hub_content import Repository

if TYPE_CHECKING:
    from .hub_answers import Handler

_FILES = re.compile(r"/api/v1/models/([^/]+/[^/]+)/repo/files")


def answer(to: "Handler", path: str) -> None:
    """Answer a request below /api/v1."""
    if path == "/api/v1/models/" and to.command == "PUT":
        to.reply_json(_models(to, json.loads(to.body)))
    elif path == "/api/v1/dolphin/models" and to.command == "PUT":
        to.reply_json({**_ok(), "Data": {"Model": _models(to, json.loads(to.body))["Data"]}})
    elif (found := _FILES.fullmatch(path)) and found[1] in to.hub.repositories:
        files = _files(to.hub.repositories[found[1]])
        to.reply_json({**_ok(), "Data": {"Files": files}})
    else:
        to.refuse(404)


def _ok() -> dict[str, Any]:
    return {"Code": 200, "Success": True, "Message": ""}


def _models(to: "Handler", asked: dict[str, Any]) -> dict[str, Any]:
    found = [
        {
            "Path": owner,
            "Name": name,
            "LastUpdatedTime": 1_790_000_000,
            "License": "Apache License 2.0",
        }
        for owner, _, name in (one.partition("/") for one in to.hub.repositories)
        if asked.get("Path", owner) == owner and asked.get("Name", "").lower() in name.lower()
    ]
    start = (asked["PageNumber"] - 1) * asked["PageSize"]
    page = found[start : start + asked["PageSize"]]
    return {**_ok(), "Data": {"Models": page, "TotalCount": len(found)}}


def _files(one: Repository) -> list[dict[str, Any]]:
    return [
        {"Type": "blob", "Path": name, "Name": name, "Size": file.size, "Sha256": file.sha256}
        for name, file in one.files.items()
    ] + [{"Type": "tree", "Path": "folder", "Name": "folder", "Size": 0, "Sha256": ""}]

"""What a folder or an object store has against being used, in a sentence that says what to do. Pure."""

import errno
import os
import re

AGAIN = "then run this again"
OS_ERROR = re.compile(r"\(os error (\d+)\)")
CODE = re.compile(r"<Code>(\w+)</Code>|\"(?:code|reason)\": ?\"(\w+)\"")
STATUS = re.compile(r"status code: (\d+)")
HTML = re.compile(r"<!doctype html|<html", re.IGNORECASE)
ENDPOINT_OF_KEYS = re.compile(r"169\.254\.\d+\.\d+|metadata\.google\.internal")

OF_FILES = {
    errno.ENOSPC: f"its disk is full: make room, {AGAIN}",
    errno.EDQUOT: f"the quota of its disk is used up: make room, {AGAIN}",
    errno.EROFS: "its file system is read-only: choose another place, or mount it for writing",
    errno.EACCES: "this user may not use it: give it the permission, or choose another place",
    errno.EPERM: "this user may not use it: give it the permission, or choose another place",
    errno.ENOTDIR: "a part of its path is no folder: choose another place",
}

KEYS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_SERVICE_ACCOUNT (a file)",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
"""Variables with the keys of a store, by the scheme of its URLs."""

NO_STORE = "what answers there is no object store: correct AWS_ENDPOINT_URL"

OF_CODES = {
    "NoSuchBucket": "there is no such bucket: make it, or correct its name",
    "ContainerNotFound": "there is no such container: make it, or correct its name",
    "InvalidAccessKeyId": "the store does not know this key: correct {keys}",
    "InvalidClientTokenId": "the store does not know this key: correct {keys}",
    "SignatureDoesNotMatch": "the secret is not that of the key: correct {keys}",
    "AuthenticationFailed": "the secret is not that of the key: correct {keys}",
    "ExpiredToken": "the keys have expired: give new ones in {keys}",
    "RequestTimeTooSkewed": "the clock of this machine is wrong: set it",
    "AccessDenied": "this key may not do that: allow it to read, write, list and delete, or give another in {keys}",
    "AuthorizationHeaderMalformed": "the bucket is in another region{region}: set AWS_REGION",
    "PermanentRedirect": "the bucket is in another region{region}: set AWS_REGION",
    "IllegalLocationConstraintException": "the bucket is in another region{region}: set AWS_REGION",
}


def reason(error: Exception, scheme: str) -> str:
    """Return why a place cannot be used, and what to do; `scheme` is that of its URL, empty for a folder."""
    text = str(error)
    number = error.errno if isinstance(error, OSError) and error.errno else 0
    if found := OS_ERROR.search(text):
        number = int(found[1])
    if number in OF_FILES:
        return OF_FILES[number]
    if not scheme:
        return os.strerror(number) if number else _first_sentence(text)
    return _of_store(text, KEYS.get(scheme, "the variables of this store"))


def is_missing_object(error: FileNotFoundError) -> bool:
    """Return whether a store is there and has not what was asked for; else there is no bucket, or no store."""
    text = str(error)
    return not HTML.search(text) and not re.search("NoSuchBucket|ContainerNotFound", text)


def is_page(data: bytes) -> bool:
    """Return whether what a store has answered is a web page."""
    return HTML.search(data[:1000].decode(errors="replace")) is not None


def _of_store(text: str, keys: str) -> str:
    codes = [first or second for first, second in CODE.findall(text)]
    if known := next((OF_CODES[code] for code in codes if code in OF_CODES), ""):
        region = re.search(r"<Region>([\w-]+)</Region>", text)
        return known.format(keys=keys, region=f" ({region[1]})" if region else "")
    if "without LOCATION" in text:
        return OF_CODES["PermanentRedirect"].format(region="")
    if ENDPOINT_OF_KEYS.search(text):
        return f"no keys are set for it: set {keys}"
    if HTML.search(text) or "metadata from headers" in text:
        return NO_STORE
    status = STATUS.search(text)
    if status and status[1] in ("401", "403"):
        return OF_CODES["AccessDenied"].format(keys=keys)
    if status is None and re.search(r"error sending request|connect|dns", text, re.IGNORECASE):
        return "no object store answers: check AWS_ENDPOINT_URL, and whether it can be reached from here"
    return _first_sentence(text)


def _first_sentence(text: str) -> str:
    """Return the beginning of what a library says: without the source lines, and without what a server has sent."""
    return re.split(r"\n|: ?<|: ?\{", text, maxsplit=1)[0].strip()
